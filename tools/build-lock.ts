/**
 * One builder at a time. A lock is a file with the holder's process id; it is made by linking a
 * finished file into place, so nobody ever reads half a lock.
 *
 * A holder that was killed leaves its file behind: a lock whose process is gone, or that is older than
 * any build takes (a container's process cannot be asked from another), is taken over. Two
 * waiters may do so in the same instant and both build; that costs time, not correctness, because
 * what is built appears by one atomic rename.
 */

import { randomBytes } from "node:crypto";
import { linkSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { hostname } from "node:os";
import { setTimeout as sleep } from "node:timers/promises";

/** Ours: a build takes five minutes, on a slow machine three times that. */
const BUILD_MAX_MS = 60 * 60_000;

/** Ours: short beside a build of minutes, long beside one look at a file. */
const POLL_MS = 500;

interface Holder {
  readonly pid: number;
  readonly host: string;
}

export interface BuildLockOptions {
  readonly path: string;
  /** Called once, when somebody else holds the lock. */
  readonly onWait: (holderPid: number) => void;
  /** Asked before every attempt: true when there is nothing left to do, so no lock is needed. */
  readonly isDone: () => boolean;
  readonly signal: AbortSignal;
}

/**
 * Waits until the lock is ours or what it guards is done.
 *
 * @returns The function that gives the lock back, or `undefined` when `isDone` said so.
 */
export async function takeBuildLock(options: BuildLockOptions): Promise<(() => void) | undefined> {
  let told = false;
  while (!options.isDone()) {
    if (tryLink(options.path)) {
      if (!options.isDone()) return () => rmSync(options.path, { force: true });
      // Finished by the last holder between our look and our lock.
      rmSync(options.path, { force: true });
      return undefined;
    }
    const holder = readHolder(options.path);
    if (holder === undefined) continue;
    if (!isAlive(holder) || ageMs(options.path) > BUILD_MAX_MS) {
      rmSync(options.path, { force: true });
      continue;
    }
    if (!told) options.onWait(holder.pid);
    told = true;
    await sleep(POLL_MS, undefined, { signal: options.signal });
  }
  return undefined;
}

function tryLink(path: string): boolean {
  const draft = `${path}.${process.pid}.${randomBytes(4).toString("hex")}`;
  const holder: Holder = { pid: process.pid, host: hostname() };
  writeFileSync(draft, JSON.stringify(holder));
  try {
    linkSync(draft, path);
    return true;
  } catch (error) {
    if (error instanceof Error && "code" in error && error.code === "EEXIST") return false;
    throw error;
  } finally {
    rmSync(draft, { force: true });
  }
}

/** @returns `undefined` when the lock has just been given back. */
function readHolder(path: string): Holder | undefined {
  let text: string;
  try {
    text = readFileSync(path, "utf8");
  } catch (error) {
    if (error instanceof Error && "code" in error && error.code === "ENOENT") return undefined;
    throw error;
  }
  try {
    const { pid, host } = JSON.parse(text) as Partial<Holder>;
    if (typeof pid === "number" && typeof host === "string") return { pid, host };
  } catch {
    // Not one of ours: treated as a lock of nobody.
  }
  return { pid: 0, host: hostname() };
}

function ageMs(path: string): number {
  return Date.now() - (statSync(path, { throwIfNoEntry: false })?.mtimeMs ?? Date.now());
}

/** A process on another machine with the same home folder cannot be asked; it counts as alive. */
export function isAlive(holder: Holder): boolean {
  if (holder.host !== hostname()) return true;
  if (holder.pid <= 0) return false;
  try {
    process.kill(holder.pid, 0);
    return true;
  } catch (error) {
    return error instanceof Error && "code" in error && error.code === "EPERM";
  }
}
