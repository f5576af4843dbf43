/**
 * What a sender does next, as the original's main loop decides it. Never reads a clock and sends
 * nothing: each turn either serves one request or names one new block, and costs one packet gap.
 *
 * Differences to the original, none of which shows to a peer but as better manners: a wrong block
 * number is ignored instead of answered with stale bytes; RESTART resumes at the block it names;
 * the pause after the last block holds back only its own repetition, not the answers to requests;
 * what was missed while the process stood still is made good only up to a limit; silence of the
 * receiver is noticed by time, not every 2050 packets.
 */

import {
  ASSUMED_LOSS_PERIOD_MS,
  BURST_MAX_US,
  HEARTBEAT_TURNS,
  REPEAT_PAUSE_GAPS,
} from "./constants.ts";
import { BlockType, type DatagramHeader } from "./datagram.ts";
import { PacketGap } from "./packet-gap.ts";
import { type Parameters, type Request, RequestType } from "./wire.ts";

/** Error rate that a sender assumes when the receiver says nothing: all lost. */
const ASSUMED_ERROR_RATE = 100_000;

export type SenderTurn =
  | ({ readonly kind: "send" } & DatagramHeader)
  | { readonly kind: "nothing" }
  | { readonly kind: "end"; readonly reason: "stop" | "heartbeat" };

export class SenderState {
  readonly gap: PacketGap;
  /** Requests that made no sense. */
  ignoredRequests = 0;
  readonly #blockCount: number;
  readonly #heartbeatTimeoutUs: number;
  /** Block last sent in the normal sequence. */
  #position = 0;
  #idleTurns = 0;
  #dueUs: number;
  #repeatUs = 0;
  #longestGapUs: number;
  #lastRequestUs: number;
  #lastReportUs: number;

  constructor(options: {
    readonly parameters: Parameters;
    readonly blockCount: number;
    readonly heartbeatTimeoutMs: number;
    readonly nowUs: number;
  }) {
    this.gap = new PacketGap(options.parameters);
    this.#blockCount = options.blockCount;
    this.#heartbeatTimeoutUs = options.heartbeatTimeoutMs * 1000;
    this.#longestGapUs = this.gap.currentUs;
    this.#dueUs = options.nowUs;
    this.#lastRequestUs = options.nowUs;
    this.#lastReportUs = options.nowUs;
  }

  /** When the next turn is due; earlier only the repetition of the last block is waited for. */
  dueUs(requestWaits: boolean): number {
    if (requestWaits || this.#position < this.#blockCount) return this.#dueUs;
    return Math.max(this.#dueUs, this.#repeatUs);
  }

  /** One turn, to be taken at {@link dueUs} or later. */
  turn(nowUs: number, request: Request | undefined): SenderTurn {
    this.#longestGapUs = Math.max(this.#longestGapUs, this.gap.currentUs);
    this.#dueUs = Math.max(this.#dueUs + this.gap.currentUs, nowUs - BURST_MAX_US);
    if (request !== undefined) {
      this.#lastRequestUs = nowUs;
      this.#lastReportUs = nowUs;
      this.#idleTurns = 0;
      return this.#serve(request);
    }
    if (nowUs - this.#lastRequestUs > this.#heartbeatTimeoutUs) {
      return { kind: "end", reason: "heartbeat" };
    }
    this.#assumeLoss(nowUs);
    this.#position = Math.min(this.#position + 1, this.#blockCount);
    if (this.#position < this.#blockCount) {
      return { kind: "send", blockNumber: this.#position, blockType: BlockType.original };
    }
    this.#repeatUs = nowUs + REPEAT_PAUSE_GAPS * this.#longestGapUs;
    return { kind: "send", blockNumber: this.#position, blockType: BlockType.last };
  }

  #serve(request: Request): SenderTurn {
    const { blockNumber } = request;
    const known = blockNumber >= 1 && blockNumber <= this.#blockCount;
    switch (request.type) {
      case RequestType.retransmit:
        if (known) return { kind: "send", blockNumber, blockType: BlockType.retransmitted };
        break;
      case RequestType.restart:
        if (known) {
          this.#position = blockNumber - 1;
          return { kind: "nothing" };
        }
        break;
      case RequestType.stop:
        return { kind: "end", reason: "stop" };
      case RequestType.errorRate:
        this.gap.report(request.errorRate);
        return { kind: "nothing" };
      default:
        break;
    }
    this.ignoredRequests++;
    return { kind: "nothing" };
  }

  /** A receiver that hears nothing says nothing: slow down as if it had reported total loss. */
  #assumeLoss(nowUs: number): void {
    this.#idleTurns++;
    if (this.#idleTurns < HEARTBEAT_TURNS) return;
    this.#idleTurns = 0;
    if (nowUs - this.#lastReportUs < ASSUMED_LOSS_PERIOD_MS * 1000) return;
    this.#lastReportUs = nowUs;
    this.gap.report(ASSUMED_ERROR_RATE);
  }
}
