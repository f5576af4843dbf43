/**
 * What one demo leaves for the next command: a folder, and in it a file that tells where the
 * demo's localcloud is.
 */

import {
  chmodSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { join, resolve } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";

export const ROOT = resolve(import.meta.dirname, "..");

/** Empty counts as none: it would be the current folder, and that is removed in the end. */
const OTHER_DIRECTORY = process.env.AMICOPY_DEMO_DIRECTORY || undefined;

/**
 * Everything of the demo is below it; `npm run demo -- stop` removes it. Tests set another one, so
 * that they do not end the demo of the person who runs them.
 */
export const DEMO_DIRECTORY = resolve(OTHER_DIRECTORY ?? join(ROOT, ".amicopy/demo"));

const STATE_FILE = join(DEMO_DIRECTORY, "demo.json");

/** Holds the process id of the demo that has made the folder: what has none is somebody else's. */
const MARK = ".amicopy-demo";
const MARK_FILE = join(DEMO_DIRECTORY, MARK);

const KEEPER = "keep-localcloud";

/** Ours: ending two machines and removing their disks takes a second or two. */
const END_LIMIT_MS = 20_000;

export interface DemoState {
  /** Process that is the localcloud. */
  readonly pid: number;
  /** How to reach it, keys of its made-up accounts included. */
  readonly env: Readonly<Record<string, string>>;
}

/**
 * Makes the folder ours, empty.
 *
 * @throws Error while another demo is at work, or when the folder holds what is not a demo's.
 */
export async function beginDemo(): Promise<{ wasRunning: boolean }> {
  const ended = await endDemo();
  mkdirSync(DEMO_DIRECTORY, { recursive: true });
  // `wx`: of two that begin in the same moment one fails.
  writeFileSync(MARK_FILE, String(process.pid), { flag: "wx" });
  return ended;
}

/** Ends the demo unless the folder is no longer this process's: then somebody else's is there. */
export async function endOwnDemo(): Promise<void> {
  if (readMark() === process.pid) await endDemo();
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
  return isRunning(state.pid, KEEPER) ? state : undefined;
}

/**
 * Ends a running localcloud, if there is one, and removes the folder.
 *
 * @throws Error while another demo is at work, or when the folder holds what is not a demo's.
 */
export async function endDemo(): Promise<{ wasRunning: boolean }> {
  checkDirectory();
  const state = readDemoState();
  if (state !== undefined) {
    process.kill(state.pid, "SIGTERM");
    const limitMs = performance.now() + END_LIMIT_MS;
    while (isRunning(state.pid, KEEPER)) {
      if (performance.now() > limitMs) {
        throw new Error(
          `The demo's localcloud (process ${state.pid}) does not end; end it by hand.`,
        );
      }
      await sleep(50);
    }
  }
  removeDirectory();
  return { wasRunning: state !== undefined };
}

function checkDirectory(): void {
  const pid = readMark();
  if (pid === undefined && OTHER_DIRECTORY !== undefined && namesInDirectory().length > 0) {
    throw new Error(
      `${DEMO_DIRECTORY} holds what is not a demo's: give AMICOPY_DEMO_DIRECTORY a folder of its own.`,
    );
  }
  // 0 is an empty mark: its demo was killed while it wrote it.
  if (pid !== undefined && pid > 0 && pid !== process.pid && isRunning(pid, "demo/main")) {
    throw new Error(
      `Another demo is at work (process ${pid}): wait for its end, or end it with \`kill ${pid}\`.`,
    );
  }
}

/** @returns `undefined` without a mark. */
function readMark(): number | undefined {
  return existsSync(MARK_FILE) ? Number(readFileSync(MARK_FILE, "utf8")) : undefined;
}

function namesInDirectory(): string[] {
  return existsSync(DEMO_DIRECTORY) ? readdirSync(DEMO_DIRECTORY) : [];
}

/** The mark last: when this is interrupted, what is left still counts as a demo's. */
function removeDirectory(): void {
  for (const name of namesInDirectory()) {
    if (name !== MARK) rmSync(join(DEMO_DIRECTORY, name), { recursive: true, force: true });
  }
  rmSync(DEMO_DIRECTORY, { recursive: true, force: true });
}

/** Process numbers are used again, so where the command line can be read, it is. */
function isRunning(pid: number, program: string): boolean {
  try {
    process.kill(pid, 0);
  } catch {
    return false;
  }
  try {
    return readFileSync(`/proc/${pid}/cmdline`, "utf8").includes(program);
  } catch {
    return process.platform !== "linux";
  }
}
