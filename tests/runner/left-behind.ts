/**
 * Processes that outlive their test: helpers that were not terminated, engines, providers. Every
 * process of a test run has the run's temporary directory in its environment or its command line.
 */

import { readdirSync, readFileSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";

/** Ours: what has been told to end may need a moment on a busy machine. */
const GRACE_MS = 5000;

/**
 * Waits for the processes of a finished run to be gone, and ends those that are not.
 *
 * @returns One description for each that had to be ended; always none where there is no /proc.
 */
export async function endLeftBehind(marker: string, graceMs = GRACE_MS): Promise<string[]> {
  const limitMs = performance.now() + graceMs;
  let found = findProcesses(marker);
  while (found.size > 0 && performance.now() < limitMs) {
    await sleep(100);
    found = findProcesses(marker);
  }
  for (const pid of found.keys()) {
    try {
      process.kill(pid, "SIGKILL");
    } catch {
      // Gone by itself in the meantime.
    }
  }
  return [...found].map(([pid, command]) => `${pid} ${command}`);
}

function findProcesses(marker: string): Map<number, string> {
  const found = new Map<number, string>();
  for (const name of listProcesses()) {
    const pid = Number(name);
    if (!Number.isInteger(pid) || pid === process.pid) continue;
    const command = readProcessFile(pid, "cmdline").replaceAll("\0", " ").trim();
    // A zombie has neither; it is only waiting for its parent to look.
    if (command === "") continue;
    if (command.includes(marker) || readProcessFile(pid, "environ").includes(marker)) {
      found.set(pid, command.slice(0, 200));
    }
  }
  return found;
}

function listProcesses(): string[] {
  try {
    return readdirSync("/proc");
  } catch {
    return [];
  }
}

/** Empty for a process that is gone or not ours. */
function readProcessFile(pid: number, file: "cmdline" | "environ"): string {
  try {
    return readFileSync(`/proc/${pid}/${file}`, "latin1");
  } catch {
    return "";
  }
}
