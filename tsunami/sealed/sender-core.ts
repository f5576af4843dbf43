/**
 * The sender without clock, socket or disk: which bytes to send next, and what the reports mean.
 *
 * 1. Sealed records are offered, in order; they stay in the ring until the receiver confirms them.
 * 2. Lost fragments go first, then new ones, as fast as the rate controller allows.
 * 3. A report says which transmissions arrived. What was sent clearly before something that
 *    arrived, and did not arrive, is lost (time decides, not a count: networks reorder).
 * 4. When there is nothing to send but something is unknown, one fragment is sent once more: its
 *    acknowledgement tells what became of all before it, so a lost tail costs about a round trip.
 * 5. When the receiver is there and nothing of what is large arrives any more, the path has become
 *    narrower: all that is not confirmed is cut anew, into what every path carries.
 */

import { TransferError } from "../transfer-error.ts";
import { BurstSpread } from "./burst-spread.ts";
import { FRAGMENT_HEADER_BYTES, type Mark, payloadBytes, writeFragmentHeader } from "./datagram.ts";
import { DeliverySpan, RATE_INTERVAL_MS } from "./delivery-span.ts";
import { type Flight, needed, type Piece, type Slot } from "./flight.ts";
import { FRAGMENTS_MAX, HEADER_BYTES, SEALED_BYTES_MAX, WINDOW_RECORDS } from "./limits.ts";
import type { RateController } from "./rate-controller.ts";
import type { Report } from "./report.ts";

/** Ours. Transmissions whose fate may be unknown: 1 s of 1.5 Gbit/s in small datagrams. */
const UNKNOWN_MAX = 130_000;
const SEGMENTS_MAX = 64;
/** Ours. So far back a late arrival is still recognised as such. */
const LATE_SPAN = 8192;
const RATE_INTERVAL_MS_MIN = 8;
const REORDER_MS = 2;
const PROBE_MS_MAX = 500;
/** Ours. A record that arrives torn so often is torn on purpose. */
const TORN_MAX = 16;
/** Ours. What every path carries, as a fragment. */
const NARROW_BYTES = 1200;
/** Ours. Reports without news for so long, and for so many round trips, tell of a narrower path. */
const NARROW_MS = 1500;
const NARROW_ROUNDS = 4;
/** Ours. What a report stands for at most, so that a path that was dead is no narrow one. */
const REPORT_MS_MAX = 200;

export interface SenderCoreOptions {
  /** {@link WINDOW_RECORDS} slots of {@link SEALED_BYTES_MAX}; record r lives in slot r mod window. */
  readonly ring: Buffer;
  readonly mark: Mark;
  readonly rate: RateController;
  readonly onConfirmed: (record: number) => void;
}

const neverSent = () => new TransferError("protocol", "the peer acknowledged the unsent");

export class SenderCore {
  /** Bytes of a fragment of the records first sent from now on. */
  fragmentBytes = NARROW_BYTES;
  /** UDP payload bytes, and those of them sent not for the first time. */
  bytesSent = 0;
  bytesResent = 0;
  /** Lowest record that is not confirmed. */
  base = 0;
  readonly #options: SenderCoreOptions;
  readonly #rate: RateController;
  readonly #slots = new Map<number, Slot>();
  #offered = 0;
  #finished = false;
  #nextRecord = 0;
  #nextIndex = 0;
  /** Lost pieces, to be sent from #resendAt on. */
  #resend: Piece[] = [];
  #resendAt = 0;
  /** All transmissions from number #first on. */
  #flights: Flight[] = [];
  #first = 0;
  /** Below are no flying ones; below #judged, none that may still turn out lost. */
  #oldest = 0;
  #judged = 0;
  #highest = -1;
  #flyingBytes = 0;
  #sentBytes = 0;
  #idleAt = -1;
  #lastSentAt = 0;
  #probes = 0;
  #roundEnd = 0;
  #roundAt = 0;
  readonly #span = new DeliverySpan();
  readonly #burst = new BurstSpread();
  #reorderMs = REORDER_MS;
  /** For so long have there been reports, and none of anything that was sent. */
  #dullMs = 0;
  #reportedAt = 0;

  constructor(options: SenderCoreOptions) {
    this.#options = options;
    this.#rate = options.rate;
  }

  /** Records that were sealed but not sent. */
  get backlog(): number {
    return this.#offered - this.#nextRecord;
  }

  /** Every record is offered and confirmed. */
  get done(): boolean {
    return this.#finished && this.base === this.#offered;
  }

  get #next(): number {
    return this.#first + this.#flights.length;
  }

  /** The next record, in order; less than {@link WINDOW_RECORDS} above {@link base}. */
  offer(record: number, sealedBytes: number): void {
    const arrived = new Uint8Array(FRAGMENTS_MAX);
    const fresh = { fragmentBytes: 0, confirmed: false, torn: 0, arrived };
    this.#slots.set(record, { record, sealedBytes, ...fresh });
    this.#offered = record + 1;
  }

  /** No more records will be offered. */
  finish(): void {
    this.#finished = true;
  }

  /**
   * The receiver could not open a record: all of it again.
   *
   * @throws TransferError `protocol` when that never ends.
   */
  again(record: number): void {
    const slot = this.#slots.get(record);
    if (!slot?.fragmentBytes || slot.confirmed) return;
    slot.torn += 1;
    if (slot.torn > TORN_MAX) {
      throw new TransferError("protocol", `record ${record} arrived torn ${TORN_MAX} times`);
    }
    this.#startOver([slot]);
  }

  /** All that was sent of these belongs to a copy that is no more: a late word of it proves nothing. */
  #startOver(slots: readonly Slot[], fragmentBytes?: number): void {
    const sent = new Set(slots.filter((slot) => slot.fragmentBytes && !slot.confirmed));
    this.#resend = this.#resend.slice(this.#resendAt).filter(({ slot }) => !sent.has(slot));
    this.#resendAt = 0;
    for (const flight of this.#flights) if (sent.has(flight.slot)) this.#land(flight, "arrived");
    for (const slot of sent) {
      slot.arrived.fill(0);
      slot.fragmentBytes = fragmentBytes ?? slot.fragmentBytes;
      for (let index = 0; index * slot.fragmentBytes < slot.sealedBytes; index += 1) {
        this.#resend.push({ slot, index });
      }
      if (slot.record !== this.#nextRecord) continue;
      this.#nextRecord += 1;
      this.#nextIndex = 0;
    }
  }

  /** @returns Whether it was time to believe that the path has become narrower. */
  #narrow(nowMs: number): boolean {
    this.#dullMs += Math.min(nowMs - this.#reportedAt, REPORT_MS_MAX);
    if (!this.#flyingBytes) this.#dullMs = 0;
    if (this.#dullMs < Math.max(NARROW_MS, NARROW_ROUNDS * this.#rate.rttMs)) return false;
    const wide = [...this.#slots.values()].filter((slot) => slot.fragmentBytes > NARROW_BYTES);
    if (!wide.length) return false;
    this.fragmentBytes = NARROW_BYTES;
    this.#startOver(wide, NARROW_BYTES);
    return true;
  }

  /**
   * Fills a batch with what may be sent now.
   *
   * @returns Its length (0: nothing now) and the bytes of every datagram but the last.
   */
  fill(batch: Buffer, nowMs: number): { bytes: number; segmentBytes: number } {
    if (this.#rate.bursts) this.#burst.lastAt = nowMs;
    const room = this.#rate.windowBytes - this.#flyingBytes;
    let allowance = Math.min(this.#rate.allowance(nowMs), room);
    let bytes = 0;
    let segmentBytes = 0;
    // A window may have shrunk below what is on its way, and the end of that be lost.
    if (room <= 0) bytes = segmentBytes = this.#probe(batch, nowMs);
    for (let count = 0; count < SEGMENTS_MAX && allowance > 0; count += 1) {
      if (this.#next - this.#oldest > UNKNOWN_MAX) break;
      const piece = this.#pick();
      if (!piece) {
        this.#idleAt = nowMs;
        if (count === 0) bytes = segmentBytes = this.#probe(batch, nowMs);
        break;
      }
      const size = FRAGMENT_HEADER_BYTES + payloadBytes({ ...piece.slot, index: piece.index });
      if (bytes + size > batch.length || (count > 0 && size > segmentBytes)) break;
      this.#take(piece.slot, size);
      this.#put(piece, batch, bytes, nowMs);
      this.#probes = 0;
      segmentBytes ||= size;
      bytes += size;
      allowance -= size + HEADER_BYTES;
      if (size < segmentBytes) break;
    }
    return { bytes, segmentBytes };
  }

  /** Chooses the next piece without taking it. */
  #pick(): Piece | undefined {
    for (; this.#resendAt < this.#resend.length; this.#resendAt += 1) {
      const piece = this.#resend[this.#resendAt];
      if (piece && needed(piece)) return piece;
    }
    this.#resend = [];
    this.#resendAt = 0;
    const slot = this.#slots.get(this.#nextRecord);
    if (!slot) return;
    slot.fragmentBytes ||= this.fragmentBytes;
    return { slot, index: this.#nextIndex };
  }

  #take(slot: Slot, size: number): void {
    if (this.#resendAt < this.#resend.length) {
      this.#resendAt += 1;
      this.bytesResent += size;
      return;
    }
    this.#nextIndex += 1;
    if (this.#nextIndex * slot.fragmentBytes < slot.sealedBytes) return;
    this.#nextRecord += 1;
    this.#nextIndex = 0;
  }

  /** Writes a piece as a new transmission. */
  #put({ slot, index }: Piece, batch: Buffer, at: number, nowMs: number): void {
    const fragment = { ...slot, transmission: this.#next, index };
    writeFragmentHeader(this.#options.mark, fragment, batch, at);
    const payload = payloadBytes(fragment);
    const from = (slot.record % WINDOW_RECORDS) * SEALED_BYTES_MAX + index * slot.fragmentBytes;
    this.#options.ring.copy(batch, at + FRAGMENT_HEADER_BYTES, from, from + payload);
    const size = FRAGMENT_HEADER_BYTES + payload;
    const linkBytes = size + HEADER_BYTES;
    this.bytesSent += size;
    this.#sentBytes += linkBytes;
    this.#flyingBytes += linkBytes;
    this.#rate.spend(linkBytes);
    this.#lastSentAt = nowMs;
    this.#flights.push({
      ...{ slot, index, linkBytes, sentAt: nowMs, idleAt: this.#idleAt },
      ...{ sentBytes: this.#sentBytes, state: "flying" },
    });
  }

  /** Sends the oldest unknown piece once more, when that is due. */
  #probe(batch: Buffer, nowMs: number): number {
    const wait = Math.max(this.#rate.rttMs / 8, this.#reorderMs + 4) * 2 ** this.#probes;
    if (nowMs - this.#lastSentAt < Math.min(wait, PROBE_MS_MAX)) return 0;
    for (let at = this.#oldest; at < this.#next; at += 1) {
      const flight = this.#flights[at - this.#first];
      if (!flight || !needed(flight)) continue;
      const before = this.bytesSent;
      this.#put(flight, batch, 0, nowMs);
      this.#probes += 1;
      this.bytesResent += this.bytesSent - before;
      return this.bytesSent - before;
    }
    return 0;
  }

  #land(flight: Flight, state: "arrived" | "lost"): void {
    if (flight.state === "flying") this.#flyingBytes -= flight.linkBytes;
    flight.state = state;
  }

  /**
   * Takes in a report of the receiver; an old or repeated one does no harm.
   *
   * @returns `true` when the path has become narrower: what it carries must be found out again.
   */
  onReport(report: Report, nowMs: number): boolean {
    // The wire has the low 32 bits; what was sent last is never 2^31 away.
    const last = this.#next - 1;
    const highest = last + ((report.highest - last) | 0);
    if (highest > last || highest < 0 || report.base > this.#nextRecord) throw neverSent();
    const counts = { received: 0, lost: 0 };
    let at = highest;
    for (const [turn, length] of report.runs.entries()) {
      if (turn % 2 === 0) this.#arrive(at - length + 1, at, counts);
      at -= length;
    }
    this.#confirm(report);
    const news = highest > this.#highest;
    if (news) {
      this.#highest = highest;
      this.#dullMs = 0;
      this.#judge(at, counts);
    }
    this.#sample(report, news, nowMs, counts);
    const narrower = !news && this.#narrow(nowMs);
    this.#reportedAt = nowMs;
    while (this.#oldest <= last && this.#flights[this.#oldest - this.#first]?.state !== "flying") {
      this.#oldest += 1;
    }
    const old = this.#oldest - this.#first - LATE_SPAN;
    if (old >= LATE_SPAN) {
      this.#flights.splice(0, old);
      this.#first += old;
    }
    return narrower;
  }

  #arrive(from: number, to: number, counts: { received: number; lost: number }): void {
    for (let at = Math.max(from, this.#first); at <= to; at += 1) {
      const flight = this.#flights[at - this.#first];
      if (!flight || flight.state === "arrived") continue;
      counts.received += 1;
      if (flight.state === "lost") {
        // It was only late: networks that reorder more get more patience.
        counts.lost -= 1;
        this.#reorderMs = Math.min(this.#reorderMs * 1.25, this.#rate.rttMs / 2 + REORDER_MS);
      }
      this.#land(flight, "arrived");
      flight.slot.arrived[flight.index] = 1;
    }
  }

  /** @param unreported - Highest transmission of which the report says nothing (any more). */
  #judge(unreported: number, counts: { received: number; lost: number }): void {
    const flights = this.#flights;
    const before = (flights[this.#highest - this.#first]?.sentAt ?? 0) - this.#reorderMs;
    // Once all is sent the link is idle: a second copy costs nothing and saves round trips.
    const idle = this.#finished && this.#nextRecord === this.#offered;
    this.#judged = Math.max(this.#judged, this.#oldest);
    for (; this.#judged < this.#highest; this.#judged += 1) {
      const flight = flights[this.#judged - this.#first];
      if (flight?.state !== "flying") continue;
      if (flight.sentAt > before && this.#judged > unreported) break;
      this.#land(flight, "lost");
      counts.lost += 1;
      this.#resend.push(flight);
      // What is lost again and again would hold up the window; few are, so a copy of each costs little.
      const old = this.#nextRecord - flight.slot.record > WINDOW_RECORDS / 2;
      if (idle || old) this.#resend.push(flight);
    }
  }

  #confirm({ base, confirmed }: Report): void {
    for (const slot of this.#slots.values()) {
      const bit = slot.record - base;
      const done = bit < 0 || ((confirmed[bit >> 3] ?? 0) >> (bit & 7)) & 1;
      if (!done || slot.confirmed) continue;
      if (slot.record >= this.#nextRecord) throw neverSent();
      slot.confirmed = true;
      this.#options.onConfirmed(slot.record);
    }
    for (; this.#slots.get(this.base)?.confirmed; this.base += 1) this.#slots.delete(this.base);
  }

  #sample(
    report: Report,
    news: boolean,
    nowMs: number,
    counts: { received: number; lost: number },
  ): void {
    const flight = this.#flights[this.#highest - this.#first];
    if (!news || !flight) {
      this.#rate.sample({ nowMs, ...counts, sourceLimited: false, roundEnds: false });
      return;
    }
    const { sentAt, sentBytes, idleAt } = flight;
    const last = { sentAt, sentBytes, arrivedAt: report.arrivedAtMs, bytes: report.receivedBytes };
    const roundEnds = this.#highest >= this.#roundEnd && nowMs - this.#roundAt >= RATE_INTERVAL_MS;
    const first = this.#span.lookBack(last, roundEnds, this.#rate.rising);
    const sending = sentAt - first.sentAt;
    const elapsed = Math.max(sending, last.arrivedAt - first.arrivedAt);
    const spread = this.#burst.at(last);
    if (roundEnds) {
      this.#roundEnd = this.#next;
      this.#roundAt = nowMs;
    }
    this.#rate.sample({
      ...{ nowMs, ...counts, roundEnds, sourceLimited: idleAt > first.sentAt },
      rttMs: Math.max(0.05, nowMs - sentAt - report.holdMs),
      ...(spread && { spreadBytesPerSecond: spread }),
      ...(sending >= RATE_INTERVAL_MS_MIN && {
        bytesPerSecond: ((last.bytes - first.bytes) / elapsed) * 1000,
        sentBytesPerSecond: ((sentBytes - first.sentBytes) / sending) * 1000,
      }),
    });
  }
}
