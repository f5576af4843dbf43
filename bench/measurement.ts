/** One run: as it is asked for, and as one line of the results. */

import type { Content } from "./contents.ts";
import type { LoopDelay } from "./peers/loop-delay.ts";
import type { Peer } from "./peers/peer.ts";
import type { TsunamiProgram } from "./peers/tsunami-program.ts";
import type { PeerName, Point } from "./points.ts";

export interface MeasurementOptions {
  readonly point: Point;
  readonly peer: Peer;
  readonly run: number;
  readonly content: Content;
  readonly programs: {
    readonly longlink: string;
    readonly side: string;
    readonly tsunami: TsunamiProgram;
  };
  readonly workspace: string;
  readonly limitMs: number;
  readonly signal: AbortSignal;
}

/** One line of the results. */
export interface Measurement {
  readonly pointId: string;
  readonly peer: PeerName;
  readonly run: number;
  readonly seed: number;
  readonly content: Point["content"];
  readonly sizeBytes: number;
  readonly bytesMoved: number;
  readonly complete: boolean;
  /** `proved`: the peer compared digests in its time; `compared`: we did afterwards. */
  readonly verified: "proved" | "compared" | "no";
  readonly wallMs: number;
  readonly goodputBitsPerSecond: number;
  /** IP bytes that left the link towards the receiver, of content bytes moved. */
  readonly wireRatio?: number;
  readonly senderCores: number;
  readonly receiverCores: number;
  readonly senderRssMiB: number;
  readonly receiverRssMiB: number;
  readonly link?: {
    readonly lostPackets: number;
    readonly queueDrops: number;
    readonly packets: number;
    readonly queueP95Ms: number;
    readonly maxLateMs: number;
    readonly veryLatePackets: number;
  };
  /** Cores that neither we nor the peer used. */
  readonly foreignCores: number;
  /** How late the event loops of our own programs were. */
  readonly senderLoop?: LoopDelay;
  readonly receiverLoop?: LoopDelay;
  /** Not to be quoted: the machine was busy with something else. */
  readonly noisy: boolean;
  readonly competitorBitsPerSecond?: number;
  /** For a link that changes: milliseconds, Mbit/s out of it, milliseconds of queue. */
  readonly timeline?: readonly (readonly [number, number, number])[];
  /** On the same clock: when it changed, and to which Mbit/s. */
  readonly rateSteps?: readonly (readonly [number, number])[];
}
