/**
 * The sender without clock, socket or disk: which bytes to send next, and what the reports mean.
 *
 * 1. Sealed records are offered, in order; they stay in the ring until the receiver confirms them.
 * 2. Lost fragments go first, then new ones, as fast as the rate controller allows.
 * 3. A report says which transmissions arrived. What was sent clearly before something that
 *    arrived, and did not arrive, is lost (time decides, not a count: networks reorder).
 * 4. When there is nothing to send but something is unknown, one fragment is sent once more: its
 *    acknowledgement tells what became of all before it, so a lost tail costs about a round trip.
 */

import { TransferError } from "../transfer-error.ts";
import { FRAGMENT_HEADER_BYTES, type Mark, payloadBytes, writeFragmentHeader } from "./datagram.ts";
import { FRAGMENTS_MAX, HEADER_BYTES, SEALED_BYTES_MAX, WINDOW_RECORDS } from "./limits.ts";
import type { RateController } from "./rate-controller.ts";
import type { Report } from "./report.ts";

/** Ours. Transmissions whose fate may be unknown: 1 s of 1.5 Gbit/s in small datagrams. */
const SPAN = 1 << 17;
const MASK = SPAN - 1;
/** Ours. Room below {@link SPAN} that only tail probes use. */
const PROBE_ROOM = 1024;
const SEGMENTS_MAX = 64;
/** Ours. So far back a late arrival is still recognised as such. */
const LATE_SPAN = 8192;
const State = { none: 0, flying: 1, arrived: 2, lost: 3 } as const;
/** A delivery rate is measured over at least this much. */
const RATE_INTERVAL_MS = 40;
const RATE_INTERVAL_MS_MIN = 8;
const REORDER_MS = 2;
const PROBE_MS_MAX = 500;

interface Milestone {
  readonly sentAt: number;
  /** Link bytes sent until then, and received by the peer until `arrivedAt`. */
  readonly sent: number;
  readonly arrivedAt: number;
  readonly bytes: number;
}

export interface SenderCoreOptions {
  /** {@link WINDOW_RECORDS} slots of {@link SEALED_BYTES_MAX}; record r lives in slot r mod window. */
  readonly ring: Buffer;
  readonly mark: Mark;
  readonly rate: RateController;
  readonly onConfirmed: (record: number) => void;
}

export class SenderCore {
  /** Bytes of a fragment of the records first sent from now on. */
  fragmentBytes = 1200;
  /** UDP payload bytes, and those of them sent not for the first time. */
  bytesSent = 0;
  bytesResent = 0;
  readonly #options: SenderCoreOptions;
  readonly #rate: RateController;
  #base = 0;
  #offered = 0;
  #finished = false;
  #nextRecord = 0;
  #nextIndex = 0;
  readonly #sealedBytes = new Uint32Array(WINDOW_RECORDS);
  readonly #sizes = new Uint16Array(WINDOW_RECORDS);
  readonly #confirmed = new Uint8Array(WINDOW_RECORDS);
  readonly #arrived = new Uint8Array(WINDOW_RECORDS * FRAGMENTS_MAX);
  /** Lost fragments as record * FRAGMENTS_MAX + index, to be sent from #resendAt on. */
  #resend: number[] = [];
  #resendAt = 0;
  #next = 0;
  #oldest = 0;
  #frontier = 0;
  #highest = -1;
  #flyingBytes = 0;
  #sent = 0;
  readonly #fragment = new Float64Array(SPAN);
  readonly #sentAt = new Float64Array(SPAN);
  readonly #idleAt = new Float64Array(SPAN);
  readonly #sentTotal = new Float64Array(SPAN);
  readonly #bytes = new Uint16Array(SPAN);
  readonly #state = new Uint8Array(SPAN);
  #lastIdleAt = -1;
  #lastSentAt = 0;
  #probes = 0;
  #roundEnd = 0;
  #roundAt = 0;
  #reorderMs = REORDER_MS;
  #milestones: Milestone[] = [];
  #roundStart: Milestone | undefined;
  #pickRecord = 0;
  #pickIndex = 0;

  constructor(options: SenderCoreOptions) {
    this.#options = options;
    this.#rate = options.rate;
  }

  /** Lowest record that is not confirmed. */
  get base(): number {
    return this.#base;
  }

  /** Records that were sealed but not sent at all. */
  get backlog(): number {
    return this.#offered - this.#nextRecord;
  }

  /** Every record is offered and confirmed. */
  get done(): boolean {
    return this.#finished && this.#base === this.#offered;
  }

  /** The next record, in order; at most {@link WINDOW_RECORDS} above {@link base}. */
  offer(record: number, sealedBytes: number): void {
    const slot = record % WINDOW_RECORDS;
    this.#sealedBytes[slot] = sealedBytes;
    this.#confirmed[slot] = 0;
    this.#arrived.fill(0, slot * FRAGMENTS_MAX, (slot + 1) * FRAGMENTS_MAX);
    this.#offered = record + 1;
  }

  /** No more records will be offered. */
  finish(): void {
    this.#finished = true;
  }

  /** The receiver could not open a record: all of it again. */
  again(record: number): void {
    if (!this.#alive(record)) return;
    const slot = record % WINDOW_RECORDS;
    this.#arrived.fill(0, slot * FRAGMENTS_MAX, (slot + 1) * FRAGMENTS_MAX);
    const count = Math.ceil((this.#sealedBytes[slot] ?? 0) / (this.#sizes[slot] || 1));
    for (let index = 0; index < count; index += 1) {
      this.#resend.push(record * FRAGMENTS_MAX + index);
    }
    // What is still on its way belongs to the rejected copy: its arrival proves nothing any more.
    for (let flying = this.#oldest; flying < this.#next; flying += 1) {
      const place = flying & MASK;
      const of = Math.floor((this.#fragment[place] ?? 0) / FRAGMENTS_MAX);
      if (of !== record || this.#state[place] !== State.flying) continue;
      this.#state[place] = State.arrived;
      this.#flyingBytes -= (this.#bytes[place] ?? 0) + HEADER_BYTES;
    }
  }

  /** Sent, not confirmed. */
  #alive(record: number): boolean {
    return (
      record >= this.#base &&
      record < Math.min(this.#nextRecord + 1, this.#offered) &&
      !this.#confirmed[record % WINDOW_RECORDS]
    );
  }

  /**
   * Fills a batch with what may be sent now.
   *
   * @returns Its length (0: nothing now) and the bytes of every datagram but the last.
   */
  fill(batch: Buffer, nowMs: number): { bytes: number; segmentBytes: number } {
    let allowance = Math.min(
      this.#rate.allowance(nowMs),
      this.#rate.windowBytes - this.#flyingBytes,
    );
    let at = 0;
    let segmentBytes = 0;
    for (let count = 0; count < SEGMENTS_MAX && allowance > 0; count += 1) {
      if (this.#next - this.#oldest >= SPAN - PROBE_ROOM) break;
      if (!this.#pick()) {
        this.#lastIdleAt = nowMs;
        if (count === 0 && this.#probeDue(nowMs)) at = segmentBytes = this.#probe(batch, nowMs);
        break;
      }
      const size = this.#datagramBytes(this.#pickRecord, this.#pickIndex);
      if (at + size > batch.length || (count > 0 && size > segmentBytes)) break;
      this.#take();
      this.#put(batch, at, nowMs);
      segmentBytes ||= size;
      at += size;
      allowance -= size + HEADER_BYTES;
      this.#probes = 0;
      if (size < segmentBytes) break;
    }
    return { bytes: at, segmentBytes };
  }

  /** Milliseconds that a shell may sleep, as far as the core knows. */
  get idle(): boolean {
    return this.#resendAt === this.#resend.length && this.#nextRecord === this.#offered;
  }

  #fragmentOf(record: number, index: number) {
    const slot = record % WINDOW_RECORDS;
    return {
      index,
      sealedBytes: this.#sealedBytes[slot] ?? 0,
      fragmentBytes: this.#sizes[slot] ?? 0,
    };
  }

  #datagramBytes(record: number, index: number): number {
    return FRAGMENT_HEADER_BYTES + payloadBytes(this.#fragmentOf(record, index));
  }

  /** Chooses the next fragment without taking it. */
  #pick(): boolean {
    for (; this.#resendAt < this.#resend.length; this.#resendAt += 1) {
      const fragment = this.#resend[this.#resendAt] ?? 0;
      const record = Math.floor(fragment / FRAGMENTS_MAX);
      const index = fragment % FRAGMENTS_MAX;
      if (this.#needed(record, index)) {
        this.#pickRecord = record;
        this.#pickIndex = index;
        return true;
      }
    }
    this.#resend.length = this.#resendAt = 0;
    if (this.#nextRecord >= this.#offered) return false;
    if (this.#nextIndex === 0) {
      this.#sizes[this.#nextRecord % WINDOW_RECORDS] = this.fragmentBytes;
    }
    this.#pickRecord = this.#nextRecord;
    this.#pickIndex = this.#nextIndex;
    return true;
  }

  #needed(record: number, index: number): boolean {
    return this.#alive(record) && !this.#arrived[(record % WINDOW_RECORDS) * FRAGMENTS_MAX + index];
  }

  #take(): void {
    if (this.#resendAt < this.#resend.length) {
      this.#resendAt += 1;
      this.bytesResent += this.#datagramBytes(this.#pickRecord, this.#pickIndex);
      return;
    }
    const { sealedBytes, fragmentBytes } = this.#fragmentOf(this.#nextRecord, 0);
    this.#nextIndex += 1;
    if (this.#nextIndex * fragmentBytes >= sealedBytes) {
      this.#nextRecord += 1;
      this.#nextIndex = 0;
    }
  }

  /** Writes the chosen fragment as a new transmission. */
  #put(batch: Buffer, at: number, nowMs: number): void {
    const record = this.#pickRecord;
    const fragment = this.#fragmentOf(record, this.#pickIndex);
    const transmission = this.#next++;
    writeFragmentHeader(this.#options.mark, { transmission, record, ...fragment }, batch, at);
    const payload = payloadBytes(fragment);
    const from =
      (record % WINDOW_RECORDS) * SEALED_BYTES_MAX + fragment.index * fragment.fragmentBytes;
    this.#options.ring.copy(batch, at + FRAGMENT_HEADER_BYTES, from, from + payload);
    const slot = transmission & MASK;
    const size = FRAGMENT_HEADER_BYTES + payload;
    this.#fragment[slot] = record * FRAGMENTS_MAX + fragment.index;
    this.#sentAt[slot] = nowMs;
    this.#idleAt[slot] = this.#lastIdleAt;
    this.#bytes[slot] = size;
    this.#state[slot] = State.flying;
    this.#flyingBytes += size + HEADER_BYTES;
    this.#sent += size + HEADER_BYTES;
    this.#sentTotal[slot] = this.#sent;
    this.#lastSentAt = nowMs;
    this.#rate.spend(size + HEADER_BYTES);
    this.bytesSent += size;
  }

  #probeDue(nowMs: number): boolean {
    if (this.#oldest === this.#next) return false;
    const wait = Math.max(this.#rate.rttMs / 8, this.#reorderMs + 4) * 2 ** this.#probes;
    return nowMs - this.#lastSentAt > Math.min(wait, PROBE_MS_MAX);
  }

  #probe(batch: Buffer, nowMs: number): number {
    for (let tried = this.#oldest; tried < this.#next; tried += 1) {
      const fragment = this.#fragment[tried & MASK] ?? 0;
      this.#pickRecord = Math.floor(fragment / FRAGMENTS_MAX);
      this.#pickIndex = fragment % FRAGMENTS_MAX;
      if (!this.#needed(this.#pickRecord, this.#pickIndex)) continue;
      const size = this.#datagramBytes(this.#pickRecord, this.#pickIndex);
      this.#put(batch, 0, nowMs);
      this.#probes = Math.min(this.#probes + 1, 10);
      this.bytesResent += size;
      return size;
    }
    return 0;
  }

  /** Takes in a report of the receiver; an old or repeated one does no harm. */
  onReport(report: Report, nowMs: number): void {
    // The wire has the low 32 bits; what was sent last is never 2^31 away.
    const highest = this.#next - 1 + ((report.highest - (this.#next - 1)) | 0);
    if (highest >= this.#next || highest < -1 || report.base > this.#offered) {
      throw new TransferError("protocol", "the peer acknowledged what was never sent");
    }
    const counts = { received: 0, lost: 0 };
    let at = highest;
    // Below the oldest unknown one there may be some that were only late, not lost.
    const lowest = Math.max(0, Math.min(this.#oldest, highest - LATE_SPAN));
    for (let run = 0; run < report.runs.length && at >= lowest; run += 1) {
      const length = report.runs[run] ?? 0;
      if (run % 2 === 0) this.#arrivedRun(Math.max(at - length + 1, lowest), at, counts);
      at -= length;
    }
    this.#confirm(report);
    const news = highest > this.#highest;
    if (news) {
      this.#highest = highest;
      this.#findLost(at, counts);
    }
    this.#sample(report, news, nowMs, counts);
    while (this.#oldest < this.#next && this.#state[this.#oldest & MASK] !== State.flying) {
      this.#oldest += 1;
    }
  }

  #arrivedRun(from: number, to: number, counts: { received: number; lost: number }): void {
    for (let transmission = from; transmission <= to; transmission += 1) {
      const slot = transmission & MASK;
      const state = this.#state[slot];
      if (state === State.arrived) continue;
      counts.received += 1;
      if (state === State.flying) this.#flyingBytes -= (this.#bytes[slot] ?? 0) + HEADER_BYTES;
      else {
        // It was only late: networks that reorder more get more patience.
        counts.lost -= 1;
        this.#reorderMs = Math.min(this.#reorderMs * 1.25, this.#rate.rttMs / 2 + REORDER_MS);
      }
      this.#state[slot] = State.arrived;
      const fragment = this.#fragment[slot] ?? 0;
      const record = Math.floor(fragment / FRAGMENTS_MAX);
      if (record < this.#base) continue;
      this.#arrived[(record % WINDOW_RECORDS) * FRAGMENTS_MAX + (fragment % FRAGMENTS_MAX)] = 1;
    }
  }

  /** @param unreported - Highest transmission of which the report says nothing (any more). */
  #findLost(unreported: number, counts: { received: number; lost: number }): void {
    const before = (this.#sentAt[this.#highest & MASK] ?? 0) - this.#reorderMs;
    this.#frontier = Math.max(this.#frontier, this.#oldest);
    for (; this.#frontier < this.#highest; this.#frontier += 1) {
      const slot = this.#frontier & MASK;
      if ((this.#sentAt[slot] ?? 0) > before && this.#frontier > unreported) break;
      if (this.#state[slot] !== State.flying) continue;
      this.#state[slot] = State.lost;
      this.#flyingBytes -= (this.#bytes[slot] ?? 0) + HEADER_BYTES;
      counts.lost += 1;
      const fragment = this.#fragment[slot] ?? 0;
      this.#resend.push(fragment);
      // Once all is sent the link is idle: a second copy costs nothing and saves round trips.
      if (this.#finished && this.#nextRecord === this.#offered) this.#resend.push(fragment);
    }
  }

  #confirm(report: Report): void {
    const confirm = (record: number) => {
      const slot = record % WINDOW_RECORDS;
      if (record < this.#base || record >= this.#offered || this.#confirmed[slot]) return;
      this.#confirmed[slot] = 1;
      this.#options.onConfirmed(record);
    };
    for (let record = this.#base; record < report.base; record += 1) confirm(record);
    for (let bit = 0; bit < WINDOW_RECORDS; bit += 1) {
      if ((report.confirmed[bit >> 3] ?? 0) & (1 << (bit & 7))) confirm(report.base + bit);
    }
    while (this.#base < this.#offered && this.#confirmed[this.#base % WINDOW_RECORDS]) {
      this.#base += 1;
    }
  }

  #sample(
    report: Report,
    news: boolean,
    nowMs: number,
    counts: { received: number; lost: number },
  ): void {
    const common = { nowMs, ...counts, sourceLimited: false, roundEnds: false };
    if (!news) {
      this.#rate.sample(common);
      return;
    }
    const slot = this.#highest & MASK;
    const last = {
      sentAt: this.#sentAt[slot] ?? 0,
      sent: this.#sentTotal[slot] ?? 0,
      arrivedAt: report.arrivedAtMs,
      bytes: report.receivedBytes,
    };
    const roundEnds = this.#highest >= this.#roundEnd && nowMs - this.#roundAt >= RATE_INTERVAL_MS;
    // While the rate rises, a short look back; else the round as a whole, which is steadier.
    const first = this.#lookBack(last, roundEnds);
    const sending = last.sentAt - first.sentAt;
    const elapsed = Math.max(sending, last.arrivedAt - first.arrivedAt);
    if (roundEnds) {
      this.#roundEnd = this.#next;
      this.#roundAt = nowMs;
    }
    this.#rate.sample({
      ...common,
      rttMs: Math.max(0.05, nowMs - last.sentAt - report.holdMs),
      ...(sending >= RATE_INTERVAL_MS_MIN && {
        bytesPerSecond: ((last.bytes - first.bytes) / elapsed) * 1000,
        sentBytesPerSecond: ((last.sent - first.sent) / sending) * 1000,
      }),
      sourceLimited: (this.#idleAt[slot] ?? 0) > first.sentAt,
      roundEnds,
    });
  }
  #lookBack(last: Milestone, roundEnds: boolean): Milestone {
    const start = this.#roundStart ?? last;
    if (roundEnds || this.#roundStart === undefined) this.#roundStart = last;
    this.#milestones.push(last);
    while (last.sentAt - (this.#milestones[1] ?? last).sentAt >= RATE_INTERVAL_MS) {
      this.#milestones.shift();
    }
    if (this.#rate.rising) return this.#milestones[0] ?? last;
    return roundEnds ? start : last;
  }
}
