/**
 * Programs that left their machine's process group (a daemon with a session of its own). They still
 * have the machine's environment, and by that they are found. Linux only; elsewhere there are none
 * to be seen.
 */

import { readdirSync, readFileSync } from "node:fs";

/** Ids of the processes of this computer, zombies included; `[]` where there is no /proc. */
export function processIds(): number[] {
  try {
    return readdirSync("/proc")
      .filter((name) => /^\d+$/.test(name))
      .map(Number);
  } catch {
    return [];
  }
}

/** @param setting - `NAME=value`, as the machine's programs and nobody else have it. */
export function findStrays(setting: string): number[] {
  return processIds().filter((pid) => {
    try {
      return readFileSync(`/proc/${pid}/environ`, "latin1").split("\0").includes(setting);
    } catch {
      // Gone meanwhile, or of another user, and then not ours.
      return false;
    }
  });
}
