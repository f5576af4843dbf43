/**
 * `npm run test:vm`: one whole copy between two real virtual machines, and the end of a third. What
 * the other levels stand in for is real here: kernel, cloud-init, systemd, udev, NVMe disks, the
 * serial console, shutting down. On demand, Linux and root; without KVM it takes about ten minutes.
 *
 *   1. the root disk, from Debian's packages, once       root-image.ts
 *   2. a localcloud whose instances are under QEMU       virtual-machine.ts
 *   3. a copy by the workflow, user data unchanged       copy-between.ts
 *   4. an instance that turns itself off                 shut-itself.ts
 *   5. nothing is left
 */

import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { findProgram } from "../../localcloud/isolation/host-programs.ts";
import { findIsolationObstacle } from "../../localcloud/isolation/obstacle.ts";
import { openCloudBench } from "../dynamic-providers/workflow/cloud-bench.ts";
import { processesOf } from "../isolation/isolated-cloud.ts";
import { copyBetween } from "./copy-between.ts";
import { rootImage } from "./root-image.ts";
import { shutItself } from "./shut-itself.ts";
import { virtualMachines } from "./virtual-machine.ts";

/** Programs, and Debian's packages that have them. */
const PROGRAMS: Readonly<Record<string, string>> = {
  "qemu-system-x86_64": "qemu-system-x86",
  "qemu-img": "qemu-utils",
  dnsmasq: "dnsmasq-base",
  mmdebstrap: "mmdebstrap",
  "mkfs.ext4": "e2fsprogs",
};

/** Emulation is slow; a link that is slower lets it be the link that is tried. */
const LINK = { rateMbit: 50, roundTripMs: 100, lossPercent: 1 };

const began = performance.now();

/** A line of the report, with the time it came. */
function say(text: string): void {
  const seconds = String(Math.round((performance.now() - began) / 1000)).padStart(4);
  console.log(`${seconds} s  ${text}`);
}

async function main(): Promise<void> {
  const image = await rootImage(say);
  /** All that a machine ever wrote; localcloud keeps the last 64 KiB, as EC2 does. */
  const consoles = new Map<string, string>();
  const bootIsolated = virtualMachines(image, (instanceId, text) => {
    consoles.set(instanceId, (consoles.get(instanceId) ?? "") + text);
  });
  const directory = mkdtempSync(join(tmpdir(), "amicopy-vm-"));
  const isolation = { isolation: "namespaces", link: LINK, bootIsolated } as const;
  const bench = await openCloudBench({ ...isolation, directory });
  try {
    await copyBetween(bench, consoles, say);
    await shutItself(bench, consoles, say);
  } catch (error) {
    for (const [id, text] of consoles) console.error(`\n== console of ${id}\n${text.slice(-6000)}`);
    throw error;
  } finally {
    await bench[Symbol.asyncDispose]();
    rmSync(directory, { recursive: true });
  }
  assert.deepEqual(processesOf(directory), []);
  say("proved  nothing is left: no process, no instance, no volume, no group");
}

async function findObstacle(): Promise<string | undefined> {
  const missing = Object.keys(PROGRAMS).filter((name) => findProgram(name) === undefined);
  if (missing.length === 0) return findIsolationObstacle();
  const packages = missing.map((name) => PROGRAMS[name]).join(" ");
  return `virtual machines need ${missing.join(", ")}: apt-get install ${packages}`;
}

const obstacle = await findObstacle();
if (obstacle === undefined) {
  await main();
} else {
  console.error(`test:vm: ${obstacle}`);
  process.exitCode = 1;
}
