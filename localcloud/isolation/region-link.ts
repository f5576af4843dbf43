/**
 * The long way from a region to all others: the bench's link emulator, between the region's router
 * and the core. Each region brings half of the delay and half of the loss that two of them have
 * between each other.
 */

import { spawn } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";
import { HOST_ENVIRONMENT } from "./host-programs.ts";

/** What lies between two regions. */
export interface LinkSettings {
  readonly rateMbit: number;
  readonly roundTripMs: number;
  readonly lossPercent: number;
}

/** Ours: as from Virginia to Oregon and a bit worse; the rate is what a test's machine carries easily. */
export const DEFAULT_LINK: LinkSettings = { rateMbit: 200, roundTripMs: 100, lossPercent: 1 };

/** Ours: a drop-tail queue of a fraction of the round trip, as routers have. */
const QUEUE_MS = 50;

export interface RegionLink {
  /** Paths of network namespaces: `router` has the device `wan0`, so has `far`. */
  readonly router: string;
  readonly far: string;
  close(): Promise<void>;
}

/**
 * @param program - Compiled `bench/link/longlink.c`.
 * @param seed - Of the losses.
 */
export async function openRegionLink(
  program: string,
  settings: LinkSettings,
  seed: number,
): Promise<RegionLink> {
  const { rateMbit, roundTripMs, lossPercent } = settings;
  const loss = (1 - Math.sqrt(1 - lossPercent / 100)) * 100;
  const way = `rate=${rateMbit},delay=${roundTripMs / 4},loss=${loss},queue=${QUEUE_MS}`;
  const child = spawn(program, [`${way},seed=${2 * seed}`, `${way},seed=${2 * seed + 1}`], {
    detached: true,
    env: HOST_ENVIRONMENT,
    stdio: ["pipe", "pipe", "inherit"],
  });
  child.stdin.on("error", () => {});
  const ended = once(child, "close");
  ended.catch(() => {});
  const lines = createInterface({ input: child.stdout });
  const [first] = await Promise.race([once(lines, "line"), once(lines, "close"), ended]);
  if (typeof first !== "string") throw new Error("the long link did not come up");
  // It goes on to print its counters, which nobody wants here.
  lines.close();
  child.stdout.resume();
  const { a, b } = JSON.parse(first) as { readonly a: string; readonly b: string };
  return {
    router: a,
    far: b,
    close: async () => {
      child.stdin.end();
      await ended;
    },
  };
}
