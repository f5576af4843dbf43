/**
 * What one demo leaves for the next command: a folder, and in it a file that tells where the
 * demo's localcloud is.
 */

import { chmodSync, existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";

export const ROOT = resolve(import.meta.dirname, "..");

/**
 * Everything of the demo is below it; `npm run demo -- stop` removes it. Tests set another one, so
 * that they do not end the demo of the person who runs them.
 */
export const DEMO_DIRECTORY = resolve(
  process.env.AMICOPY_DEMO_DIRECTORY ?? join(ROOT, ".amicopy/demo"),
);

const STATE_FILE = join(DEMO_DIRECTORY, "demo.json");

/** Ours: ending two machines and removing their disks takes a second or two. */
const END_LIMIT_MS = 20_000;

export interface DemoState {
  /** Process that is the localcloud. */
  readonly pid: number;
  /** How to reach it, keys of its made-up accounts included. */
  readonly env: Readonly<Record<string, string>>;
}

export function writeDemoState(state: DemoState): void {
  mkdirSync(DEMO_DIRECTORY, { recursive: true });
  writeFileSync(STATE_FILE, JSON.stringify(state), { mode: 0o600 });
  chmodSync(STATE_FILE, 0o600);
}

/** @returns `undefined` when no localcloud of a demo is running. */
export function readDemoState(): DemoState | undefined {
  if (!existsSync(STATE_FILE)) return undefined;
  const state = JSON.parse(readFileSync(STATE_FILE, "utf8")) as DemoState;
  return isOurLocalcloud(state.pid) ? state : undefined;
}

/** Ends a running localcloud, if there is one, and removes the folder. */
export async function endDemo(): Promise<{ wasRunning: boolean }> {
  const state = readDemoState();
  if (state !== undefined) {
    process.kill(state.pid, "SIGTERM");
    const limitMs = performance.now() + END_LIMIT_MS;
    while (isOurLocalcloud(state.pid)) {
      if (performance.now() > limitMs) {
        throw new Error(
          `The demo's localcloud (process ${state.pid}) does not end; end it by hand.`,
        );
      }
      await sleep(50);
    }
  }
  rmSync(DEMO_DIRECTORY, { recursive: true, force: true });
  return { wasRunning: state !== undefined };
}

/** Process numbers are used again, so where the command line can be read, it is. */
function isOurLocalcloud(pid: number): boolean {
  try {
    process.kill(pid, 0);
  } catch {
    return false;
  }
  try {
    return readFileSync(`/proc/${pid}/cmdline`, "utf8").includes("keep-localcloud");
  } catch {
    return process.platform !== "linux";
  }
}
