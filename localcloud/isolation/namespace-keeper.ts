/**
 * New namespaces without a name: a small shell lives in them and so keeps them. Its standard input
 * is the lifeline: when localcloud ends, however it ends, the shell does too, and with the last
 * program inside the kernel takes away everything that was made there: devices, rules, mounts.
 */

import { spawn } from "node:child_process";
import { once } from "node:events";
import { HOST_ENVIRONMENT, requireProgram } from "./host-programs.ts";

export interface NamespaceKeeper {
  readonly pid: number;
  /** Paths of the namespaces; mount: the host's, when it was not asked for. */
  readonly net: string;
  readonly mount: string;
  close(): Promise<void>;
}

/**
 * @param kinds - Which namespaces are new.
 * @param lines - Shell, run inside first; the first that fails ends it.
 */
export async function keepNamespaces(
  kinds: readonly ("net" | "mount")[],
  lines: readonly string[],
): Promise<NamespaceKeeper> {
  const script = ["set -e", ...lines, "echo ready", "read -r _ || :"].join("\n");
  const child = spawn(
    requireProgram("unshare"),
    [...kinds.map((kind) => `--${kind}`), "/bin/sh", "-c", script],
    // Out of the terminal's process group: Ctrl-C is for localcloud, which takes things down in order.
    { detached: true, env: HOST_ENVIRONMENT, stdio: ["pipe", "pipe", "pipe"] },
  );
  let complaint = "";
  child.stderr.setEncoding("utf8").on("data", (text: string) => {
    complaint = (complaint + text).slice(-2000);
  });
  child.stdin.on("error", () => {});
  const ended = once(child, "close");
  ended.catch(() => {});
  const first = await Promise.race([once(child.stdout, "data"), ended]);
  const { pid } = child;
  if (!String(first[0]).startsWith("ready") || pid === undefined) {
    throw new Error(`a namespace cannot be made: ${complaint.trim() || "unshare ended"}`);
  }
  return {
    pid,
    net: `/proc/${pid}/ns/net`,
    mount: `/proc/${pid}/ns/mnt`,
    close: async () => {
      child.stdin.end();
      await ended;
    },
  };
}
