/** What stands in the way of isolation on this computer: found by trying, said in one sentence. */

import { existsSync } from "node:fs";
import { findProgram, runInside } from "./host-programs.ts";
import { keepNamespaces } from "./namespace-keeper.ts";

/** Programs, and Debian's packages that have them. */
const PROGRAMS: Readonly<Record<string, string>> = {
  unshare: "util-linux",
  nsenter: "util-linux",
  mount: "mount",
  ip: "iproute2",
  nft: "nftables",
  cc: "gcc libc6-dev",
};

/** Uses what the firewall uses; loads what the kernel has as modules. */
const TRIAL_RULES = `table ip trial {
  map from { type ifname : verdict; }
  chain forward { type filter hook forward priority 0; policy accept
    ct state established,related accept
    iifname vmap @from
  }
}
`;

/** @returns `undefined` when isolation works here. */
export async function findIsolationObstacle(): Promise<string | undefined> {
  if (process.platform !== "linux") return "isolation needs Linux";
  if (process.getuid?.() !== 0) return "isolation needs root";
  const missing = Object.keys(PROGRAMS).filter((name) => findProgram(name) === undefined);
  if (missing.length > 0) {
    const packages = [...new Set(missing.map((name) => PROGRAMS[name]))].join(" ");
    return `isolation needs ${missing.join(", ")}: apt-get install ${packages}`;
  }
  if (!existsSync("/dev/net/tun")) return "isolation needs /dev/net/tun";
  try {
    const trial = await keepNamespaces(["net", "mount"], ["mount -t tmpfs trial /tmp"]);
    try {
      await runInside(trial.net, ["ip", "link", "add", "trial", "type", "veth"]);
      await runInside(trial.net, ["nft", "-f", "-"], TRIAL_RULES);
    } finally {
      await trial.close();
    }
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    return `isolation is not possible on this kernel: ${reason}`;
  }
  return undefined;
}
