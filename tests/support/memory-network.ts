/**
 * A network in memory with a hand-walked clock: one direction of a path, with a rate, a drop-tail
 * queue, delay, and seeded loss, bursts, reordering, duplication and corruption.
 */

export interface LinkConditions {
  /** Of IP bytes; default: no limit. */
  readonly bitsPerSecond?: number;
  readonly delayMs: number;
  /** Room of the queue before the bottleneck, as time at its rate; default 50. */
  readonly queueMs?: number;
  /** Probabilities, 0 to 1. */
  readonly loss?: number;
  /** Mean length of a burst of losses; 1 = independent. */
  readonly burst?: number;
  readonly duplicate?: number;
  readonly corrupt?: number;
  /** Extra delay of up to so much, drawn for each datagram: reorders. */
  readonly jitterMs?: number;
  /** UDP bytes of the largest datagram that passes; nobody is told of what does not. */
  readonly largestBytes?: number;
}

const IP_UDP_BYTES = 28;
/** Ours. A burst of losses is over by then: what sends twice a second does not meet one for half a minute. */
const BURST_GAP_MS = 100;

/** A small fast generator with a seed (mulberry32): values from 0 to 1. */
export function seededRandom(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let value = Math.imul(state ^ (state >>> 15), state | 1);
    value ^= value + Math.imul(value ^ (value >>> 7), value | 61);
    return ((value ^ (value >>> 14)) >>> 0) / 2 ** 32;
  };
}

interface Flight {
  readonly at: number;
  readonly datagram: Buffer;
}

export class MemoryLink {
  conditions: LinkConditions;
  sentBytes = 0;
  lost = 0;
  dropped = 0;
  /** Waiting time in the queue of each datagram that passed, milliseconds. */
  readonly queueing: number[] = [];
  readonly #random: () => number;
  #freeAt = 0;
  #inBurst = false;
  #lastAt = Number.NEGATIVE_INFINITY;
  #flights: Flight[] = [];
  #head = 0;

  constructor(conditions: LinkConditions, seed: number) {
    this.conditions = conditions;
    this.#random = seededRandom(seed);
  }

  /** Milliseconds of traffic that wait at the bottleneck. */
  queueMs(nowMs: number): number {
    return Math.max(0, this.#freeAt - nowMs);
  }

  /** Occupies the bottleneck as a datagram of somebody else would. */
  occupy(bytes: number, nowMs: number): boolean {
    const { bitsPerSecond = Number.POSITIVE_INFINITY, queueMs = 50 } = this.conditions;
    if (this.queueMs(nowMs) > queueMs) return false;
    this.#freeAt = Math.max(this.#freeAt, nowMs) + ((bytes + IP_UDP_BYTES) * 8000) / bitsPerSecond;
    return true;
  }

  send(datagram: Buffer, nowMs: number): void {
    const { delayMs, duplicate = 0, corrupt = 0, jitterMs = 0 } = this.conditions;
    this.sentBytes += datagram.length + IP_UDP_BYTES;
    if (!this.occupy(datagram.length, nowMs)) {
      this.dropped += 1;
      return;
    }
    const waited = this.queueMs(nowMs);
    this.queueing.push(waited);
    if (datagram.length > (this.conditions.largestBytes ?? Number.POSITIVE_INFINITY)) return;
    if (this.#lose(nowMs)) {
      this.lost += 1;
      return;
    }
    const copy = Buffer.from(datagram);
    if (corrupt && this.#random() < corrupt) {
      const place = Math.floor(this.#random() * copy.length);
      copy[place] = (copy[place] ?? 0) ^ (1 + Math.floor(this.#random() * 255));
    }
    const at = nowMs + waited + delayMs;
    this.#schedule({ at: at + this.#random() * jitterMs, datagram: copy });
    if (duplicate && this.#random() < duplicate) {
      this.#schedule({ at: at + this.#random() * jitterMs, datagram: copy });
    }
  }

  #lose(nowMs: number): boolean {
    const { loss = 0, burst = 1 } = this.conditions;
    if (loss === 0) return false;
    if (nowMs - this.#lastAt > BURST_GAP_MS) this.#inBurst = false;
    this.#lastAt = nowMs;
    const stay = this.#inBurst ? 1 - 1 / burst : loss / burst / (1 - loss);
    this.#inBurst = burst === 1 ? this.#random() < loss : this.#random() < stay;
    return this.#inBurst;
  }

  #schedule(flight: Flight): void {
    let place = this.#flights.length;
    while (place > this.#head && (this.#flights[place - 1]?.at ?? 0) > flight.at) place -= 1;
    if (place === this.#flights.length) this.#flights.push(flight);
    else this.#flights.splice(place, 0, flight);
  }

  /** What has arrived by now, in order. */
  *arrivals(nowMs: number): Generator<Buffer> {
    for (;;) {
      const first = this.#flights[this.#head];
      if (first === undefined || first.at > nowMs) break;
      this.#head += 1;
      yield first.datagram;
    }
    if (this.#head > 4096) {
      this.#flights = this.#flights.slice(this.#head);
      this.#head = 0;
    }
  }
}
