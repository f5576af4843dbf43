/** How busy the machine was with things that are no part of a measurement. */

import { readFile } from "node:fs/promises";

/** Processor time so far, in milliseconds. */
export interface CpuMoment {
  readonly atMs: number;
  readonly busyMs: number;
  /** The emulator and the bench itself. */
  readonly ownMs: number;
}

/** `USER_HZ`, the same on every Linux that runs Node. */
const TICK_MS = 10;

export async function readCpu(linkPid: number | undefined): Promise<CpuMoment> {
  const [first = ""] = (await readFile("/proc/stat", "utf8")).split("\n");
  const [user = 0, nice = 0, system = 0, , , irq = 0, softirq = 0] = first
    .split(/\s+/)
    .slice(1)
    .map(Number);
  const { user: ownUser, system: ownSystem } = process.cpuUsage();
  const linkMs = linkPid === undefined ? 0 : await processMs(linkPid);
  return {
    atMs: performance.now(),
    busyMs: (user + nice + system + irq + softirq) * TICK_MS,
    ownMs: (ownUser + ownSystem) / 1000 + linkMs,
  };
}

/** @param sidesMs - What the two sides used in between. */
export function foreignCores(before: CpuMoment, after: CpuMoment, sidesMs: number): number {
  const busyMs = after.busyMs - before.busyMs;
  return (busyMs - (after.ownMs - before.ownMs) - sidesMs) / (after.atMs - before.atMs);
}

async function processMs(pid: number): Promise<number> {
  const status = await readFile(`/proc/${pid}/stat`, "utf8");
  const fields = status.slice(status.lastIndexOf(")") + 2).split(" ");
  return (Number(fields[11]) + Number(fields[12])) * TICK_MS;
}
