/** What a peer is to the bench: something that moves a file from side A to side B. */

import { readdir, stat } from "node:fs/promises";
import { join } from "node:path";
import type { Content } from "../contents.ts";
import type { Side, SideResult, Usage } from "../link/side.ts";
import type { PeerName } from "../points.ts";
import type { LoopDelay } from "./loop-delay.ts";
import type { TsunamiProgram } from "./tsunami-program.ts";

export interface PeerContext {
  readonly content: Content;
  /** Empty; on side B. */
  readonly destination: string;
  /** For keys, configurations and logs of this run. */
  readonly scratch: string;
  readonly addressA: string;
  readonly addressB: string;
  /** Of the link; `undefined` on the loopback. */
  readonly rateMbit: number | undefined;
  /** Our own command, bundled. */
  readonly tsunami: TsunamiProgram;
  /** What arrives is not kept: memory to memory. */
  readonly discards: boolean;
  /** Without the kernel's batches. */
  readonly plainSockets: boolean;
  /** A peer that has not finished then is cut off, and counted by what arrived. */
  readonly limitMs: number;
  readonly signal: AbortSignal;
  readonly startA: (...command: string[]) => Side;
  readonly startB: (...command: string[]) => Side;
}

export interface PeerOutcome {
  readonly wallMs: number;
  /** Of the content, at B. */
  readonly bytesMoved: number;
  /** All of it, as the peer itself says. */
  readonly complete: boolean;
  /** The peer itself compared digests within `wallMs`. */
  readonly proved: boolean;
  readonly sender: Usage;
  readonly receiver: Usage;
  /** How late the event loops were, of those that have one. */
  readonly senderLoop?: LoopDelay | undefined;
  readonly receiverLoop?: LoopDelay | undefined;
  /** A rate that the peer measured itself, for those that move no file. */
  readonly goodputBitsPerSecond?: number;
}

export interface Peer {
  readonly name: PeerName;
  /** What TCP on both sides uses. */
  readonly congestion: "bbr" | "cubic";
  run(context: PeerContext): Promise<PeerOutcome>;
}

/** How a side ended, or was ended. */
export interface EndedSide {
  readonly result: SideResult;
  readonly inTime: boolean;
  readonly wallMs: number;
  /** In the destination, holes not counted, when time was up; a peer may clean up as it ends. */
  readonly bytesAtLimit: number;
}

/** Runs until the side ends, the limit or the abort; whatever comes first. */
export async function endOrLimit(
  side: Side,
  { destination, limitMs, signal }: Pick<PeerContext, "destination" | "limitMs" | "signal">,
): Promise<EndedSide> {
  const startMs = performance.now();
  const late = Promise.withResolvers<undefined>();
  const timer = setTimeout(() => late.resolve(undefined), limitMs);
  const stop = (): void => late.resolve(undefined);
  signal.addEventListener("abort", stop);
  try {
    const ended = await Promise.race([side.ended, late.promise]);
    const wallMs = performance.now() - startMs;
    if (ended !== undefined) return { result: ended, inTime: true, wallMs, bytesAtLimit: 0 };
    const bytesAtLimit = await bytesIn(destination);
    return { result: await side.end(), inTime: false, wallMs, bytesAtLimit };
  } finally {
    clearTimeout(timer);
    signal.removeEventListener("abort", stop);
  }
}

async function bytesIn(directory: string): Promise<number> {
  let bytes = 0;
  for (const entry of await readdir(directory, { recursive: true, withFileTypes: true })) {
    if (entry.isFile()) bytes += (await stat(join(entry.parentPath, entry.name))).blocks * 512;
  }
  return bytes;
}

/** A side that should have done it, and did not. */
export function failed(name: string, { usage, err, out }: SideResult): Error {
  const words = (err || out).trim().split("\n").slice(-5).join("\n");
  return new Error(`${name} ended with ${usage.status || `signal ${usage.signal}`}: ${words}`);
}
