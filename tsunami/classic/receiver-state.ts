/**
 * What a receiver knows of one file and what it asks for, as the original decides it. Never reads
 * a clock: `nowMs` is monotonic and comes from outside.
 *
 * Differences to the original, none of which a sender can object to: a block is asked for once a
 * round, however often it was found missing; rounds that the repeated last block triggers come no
 * faster than answers can; a late block does not move the sequence backwards; the file is done when
 * its last missing block comes, not at the next `X`; a report goes out also when nothing arrives;
 * RESTART asks for the block before the one that is needed, because the original resumes one later.
 */

import { BlockMap } from "./block-map.ts";
import {
  QUIET_REPORT_PERIOD_MS,
  REPORT_GRANULARITY_DATAGRAMS,
  REPORT_PERIOD_MS,
  RESTART_THRESHOLD_BLOCKS,
  SLOW_REPORT_PERIOD_MS,
  TAIL_ROUND_MIN_MS,
  WANTED_MAX_BLOCKS,
} from "./constants.ts";
import { BlockType, type DatagramHeader } from "./datagram.ts";
import { ErrorRate } from "./error-rate.ts";
import { type Request, RequestType } from "./wire.ts";

/** Whether missing blocks are asked for. Known to the receiver alone. */
export type LossPolicy =
  | { readonly kind: "lossless" }
  /** Gaps older than the window are given up and stay holes; 0 asks for nothing at all. */
  | { readonly kind: "lossy"; readonly windowMs: number };

export interface ReceiverStateOptions {
  readonly blockCount: number;
  readonly blockSizeBytes: number;
  readonly rateBitsPerSecond: number;
  readonly historyPercent: number;
  readonly policy: LossPolicy;
  /** As seen on the control connection; paces the rounds at the end of a file. */
  readonly roundTripMs: number;
  readonly nowMs: number;
}

interface Restart {
  readonly lastWanted: number;
  /** Blocks up to here may still be in flight from before the restart. */
  readonly wireClear: number;
}

/** Bits in the original's "Mbit". */
const MEBI = 1_048_576;

export class ReceiverState {
  /** Blocks not yet here. */
  missingBlocks: number;
  /** Datagrams of this file, duplicates included. */
  datagrams = 0;
  /** Of those, blocks that were here already or found no room. */
  uselessDatagrams = 0;
  requestedBlocks = 0;
  restarts = 0;
  readonly #options: ReceiverStateOptions;
  readonly #have = new BlockMap();
  /** Missing blocks to ask for, in the order in which they were found missing. */
  readonly #wanted = new Set<number>();
  readonly #errorRate: ErrorRate;
  #next = 1;
  /** All blocks up to here came, or were given up. */
  #solid = 0;
  #restart: Restart | undefined;
  #lossyEnd = false;
  #tailRoundDue = false;
  #tailRoundMs = Number.NEGATIVE_INFINITY;
  #reportDue = false;
  #reportMs: number;
  #datagramMs: number;
  #intervalOriginals = 0;
  #intervalRetransmitted = 0;
  #lastIntervalRate = 0;

  constructor(options: ReceiverStateOptions) {
    this.#options = options;
    this.missingBlocks = options.blockCount;
    this.#errorRate = new ErrorRate(options.historyPercent);
    this.#reportMs = options.nowMs;
    this.#datagramMs = options.nowMs;
  }

  /** Nothing more is wanted of the sender. */
  get done(): boolean {
    return this.missingBlocks === 0 || this.#lossyEnd;
  }

  /**
   * One datagram of this file.
   *
   * @param ringFull - There is no room for its data: it counts, but is dropped.
   * @returns True when its data are new and must be kept.
   */
  accept({ blockNumber, blockType }: DatagramHeader, nowMs: number, ringFull: boolean): boolean {
    this.datagrams++;
    this.#datagramMs = nowMs;
    if (blockType === BlockType.retransmitted) this.#intervalRetransmitted++;
    else this.#intervalOriginals++;
    const keep = !ringFull && this.#take(blockNumber);
    if (!keep) this.uselessDatagrams++;
    if (!ringFull && (keep || blockType === BlockType.last || this.#restart !== undefined)) {
      this.#follow(blockNumber, blockType, nowMs);
    }
    if (
      this.datagrams % REPORT_GRANULARITY_DATAGRAMS === 0 &&
      nowMs - this.#reportMs > REPORT_PERIOD_MS
    ) {
      this.#reportDue = true;
    }
    return keep;
  }

  /** What must be said to the sender now; mostly nothing. To be called after each datagram and each tick. */
  messages(nowMs: number, ringFull: boolean): readonly Request[] {
    const quiet = this.#isQuiet(nowMs);
    if (!this.#reportDue && !quiet && !this.#tailRoundDue) return NOTHING;
    const requests = this.#askForWanted();
    if (this.#tailRoundDue) this.#tailRoundMs = nowMs;
    this.#tailRoundDue = false;
    if (!this.#reportDue && !quiet) return requests;
    requests.push(this.#report(requests, nowMs, ringFull));
    this.#reportDue = false;
    return requests;
  }

  /** A report is due that no datagram has triggered. */
  #isQuiet(nowMs: number): boolean {
    const silentMs = nowMs - Math.max(this.#reportMs, this.#datagramMs);
    return silentMs > QUIET_REPORT_PERIOD_MS || nowMs - this.#reportMs > SLOW_REPORT_PERIOD_MS;
  }

  #take(blockNumber: number): boolean {
    if (blockNumber === 0 || this.#have.has(blockNumber)) return false;
    this.#have.add(blockNumber);
    this.#wanted.delete(blockNumber);
    this.missingBlocks--;
    return true;
  }

  /** Sequence, gaps, the end of a restart, the end of the file. */
  #follow(blockNumber: number, blockType: BlockType, nowMs: number): void {
    const { blockCount, policy } = this.#options;
    const restart = this.#restart;
    if (
      restart !== undefined &&
      blockType !== BlockType.last &&
      blockNumber > restart.lastWanted &&
      blockNumber <= restart.wireClear
    ) {
      return;
    }
    if (blockNumber > this.#next) this.#noteGap(blockNumber);
    const missing = this.#have.firstMissing(this.#solid + 1, blockCount);
    this.#solid = (missing ?? blockCount + 1) - 1;
    if (blockType === BlockType.original) this.#next = Math.max(this.#next, blockNumber + 1);
    if (restart !== undefined && this.#next >= restart.lastWanted) this.#restart = undefined;
    if (blockType !== BlockType.last || this.done) return;
    if (policy.kind === "lossy" && this.#wanted.size === 0 && this.#restart === undefined) {
      this.#lossyEnd = true;
      return;
    }
    const pauseMs = Math.max(TAIL_ROUND_MIN_MS, 1.25 * this.#options.roundTripMs);
    if (nowMs - this.#tailRoundMs < pauseMs) return;
    this.#want(this.#solid + 1, blockCount);
    this.#tailRoundDue = true;
  }

  #noteGap(blockNumber: number): void {
    const { policy, blockSizeBytes } = this.#options;
    if (policy.kind === "lossless") {
      this.#want(this.#next, blockNumber - 1);
    } else if (policy.windowMs === 0) {
      this.#solid = blockNumber;
    } else {
      const windowBlocks =
        (MEBI * 0.8 * this.#lastIntervalRate * policy.windowMs) / 1000 / (8 * blockSizeBytes);
      const blocks = Math.min(Math.floor(windowBlocks), blockNumber - this.#solid);
      const first = Math.max(1, blockNumber - blocks);
      this.#want(first, blockNumber - 1);
      this.#next = first;
      this.#solid = Math.max(this.#solid, first - 1);
    }
  }

  #want(from: number, to: number): void {
    let block = this.#have.firstMissing(from, to);
    while (block !== undefined && this.#wanted.size < WANTED_MAX_BLOCKS) {
      this.#wanted.add(block);
      block = this.#have.firstMissing(block + 1, to);
    }
  }

  #askForWanted(): Request[] {
    if (this.#wanted.size >= RESTART_THRESHOLD_BLOCKS) return this.#askForRestart();
    const requests: Request[] = [];
    for (const blockNumber of this.#wanted) {
      requests.push({ type: RequestType.retransmit, blockNumber, errorRate: 0 });
    }
    this.requestedBlocks += requests.length;
    return requests;
  }

  #askForRestart(): Request[] {
    const { blockCount, blockSizeBytes, rateBitsPerSecond } = this.#options;
    const onWire = Math.min(
      blockCount,
      Math.floor((0.5 * rateBitsPerSecond) / (8 * blockSizeBytes)),
    );
    let lastWanted = 0;
    for (const block of this.#wanted) lastWanted = block;
    this.#restart = { lastWanted, wireClear: Math.min(blockCount, lastWanted + onWire) };
    this.#wanted.clear();
    this.restarts++;
    const needed = Math.min(blockCount, this.#solid + 1);
    this.#next = needed;
    const restart = (blockNumber: number): Request => {
      return { type: RequestType.restart, blockNumber, errorRate: 0 };
    };
    if (needed > 1) return [restart(needed - 1)];
    return [restart(1), { type: RequestType.retransmit, blockNumber: 1, errorRate: 0 }];
  }

  #report(asked: readonly Request[], nowMs: number, ringFull: boolean): Request {
    const datagrams = this.#intervalOriginals + this.#intervalRetransmitted;
    const restarted = asked[0]?.type === RequestType.restart;
    const requestedBlocks = restarted ? RESTART_THRESHOLD_BLOCKS : asked.length;
    const errorRate = this.#errorRate.update({ requestedBlocks, datagrams, ringFull });
    const seconds = Math.max(1, nowMs - this.#reportMs) / 1000;
    this.#lastIntervalRate = (datagrams * 8 * this.#options.blockSizeBytes) / MEBI / seconds;
    this.#intervalOriginals = 0;
    this.#intervalRetransmitted = 0;
    this.#reportMs = nowMs;
    return { type: RequestType.errorRate, blockNumber: 0, errorRate };
  }
}

const NOTHING: readonly Request[] = [];
