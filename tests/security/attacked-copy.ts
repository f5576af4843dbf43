/** A copy of one disk between two sealed sessions with somebody in between, and its outcome. */

import { createHash } from "node:crypto";
import { existsSync, readFileSync } from "node:fs";
import type { SessionOptions } from "../../tsunami/sealed/session.ts";
import { digestOf, makeSessionPair, type SessionPair } from "../support/loopback-sessions.ts";
import {
  type Attack,
  CALLER,
  LISTENER,
  type ManInTheMiddle,
  RELAY,
  standInTheMiddle,
} from "./man-in-the-middle.ts";

/** Stands in the compressible part of the disk. */
export const MARKER = Buffer.from("the recognisable plaintext of a disk; ");
const MIB = 1 << 20;
/** Slow enough for a relay on a busy machine, fast enough for a test. */
const RATE_BITS_PER_SECOND = 200e6;

/** Bytes that do not compress, the same each time. */
export const NOISE = createHash("shake256", { outputLength: 4 * MIB })
  .update("noise")
  .digest();

export interface AttackedCopy {
  /** `arrived`, or the code with which each side gave up. */
  readonly sender: string;
  readonly receiver: string;
  /** What the sides said when they gave up. */
  readonly words: readonly string[];
  /** Equal digests on both sides, and equal bytes. */
  readonly isWhole: boolean;
  readonly bytesResent: number;
  readonly seen: ManInTheMiddle["seen"];
  readonly connections: number;
}

export interface AttackedCopyOptions {
  readonly senderListens: boolean;
  /** Called when both sides run, with the relay. */
  readonly meanwhile?: (relay: ManInTheMiddle, pair: SessionPair) => void;
  readonly change?: (role: "sender" | "receiver", options: SessionOptions) => SessionOptions;
  readonly pair?: SessionPair;
}

/** A pair of sessions with the one disk of these tests: text, a hole, noise. */
export async function makeAttackedPair(): Promise<SessionPair> {
  const pair = await makeSessionPair();
  const text = Buffer.concat(Array.from({ length: 20_000 }, () => MARKER));
  pair.addVolume([text, 3 * MIB, NOISE, 12_345]);
  return pair;
}

/** Runs both sessions to their end through the attacker. */
export async function copyUnderAttack(
  attack: Attack,
  { senderListens, meanwhile, change = (_, options) => options, pair }: AttackedCopyOptions,
): Promise<AttackedCopy> {
  const own = pair ?? (await makeAttackedPair());
  const relay = await standInTheMiddle(own.port, attack);
  try {
    const running = own.run(senderListens, (role, options) =>
      change(role, {
        ...options,
        localAddress: options.listens ? LISTENER : CALLER,
        peerAddress: RELAY,
        rateCapBitsPerSecond: RATE_BITS_PER_SECOND,
        waits: { connectMs: 30_000, silenceMs: 25_000, againMs: 15_000, keepaliveMs: 500 },
      }),
    );
    meanwhile?.(relay, own);
    const [sender, receiver] = await running;
    const from = own.sources[0]?.path ?? "";
    const to = own.targets[0]?.path ?? "";
    const arrived = sender?.status === "fulfilled" && receiver?.status === "fulfilled";
    return {
      sender: outcomeOf(sender),
      receiver: outcomeOf(receiver),
      words: [sender, receiver].flatMap((one) =>
        one?.status === "rejected" ? [String(one.reason.message)] : [],
      ),
      isWhole:
        arrived &&
        existsSync(to) &&
        readFileSync(to).equals(readFileSync(from)) &&
        sender.value.digests[0] === digestOf(from) &&
        receiver.value.digests[0] === digestOf(from),
      bytesResent: sender?.status === "fulfilled" ? sender.value.bytesResent : 0,
      seen: relay.seen,
      connections: relay.connections,
    };
  } finally {
    await relay.close();
    if (pair === undefined) own.remove();
  }
}

function outcomeOf(result: PromiseSettledResult<unknown> | undefined): string {
  if (result === undefined) return "absent";
  return result.status === "fulfilled" ? "arrived" : String(result.reason.code);
}
