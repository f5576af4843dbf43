/**
 * The receiver without clock, socket or disk: puts fragments together, and says what arrived.
 *
 * 1. A fragment of a record within the window is copied to its place in the ring.
 * 2. A complete record is handed on, to be opened and written; then it is confirmed or rejected.
 * 3. A report says all of this anew each time. Only what was really taken counts as arrived.
 */

import { FRAGMENT_HEADER_BYTES, type Mark, payloadBytes, readFragment } from "./datagram.ts";
import { FRAGMENTS_MAX, HEADER_BYTES, SEALED_BYTES_MAX, WINDOW_RECORDS } from "./limits.ts";
import { type Report, RUN_BYTES_MAX } from "./report.ts";

/** Ours. Twice what a sender leaves unknown, so that no honest jump is refused. */
const SPAN = 1 << 18;
const MASK = SPAN - 1;
/** Ours. A transmission is reported in so many reports: so many may be lost in a row. */
const REPORTED_TIMES = 16;
const State = { open: 0, whole: 1, confirmed: 2 } as const;

export interface ReceiverCoreOptions {
  /** As the sender's ring. */
  readonly ring: Buffer;
  readonly mark: Mark;
  /** The record is complete in its slot, which stays untouched until it is confirmed or rejected. */
  readonly onRecord: (record: number, sealedBytes: number) => void;
}

export class ReceiverCore {
  /** Datagrams that were no fragment of ours, or outside every window. */
  junk = 0;
  readonly #options: ReceiverCoreOptions;
  #base = 0;
  #bytes = 0;
  #arrivedAt = 0;
  #highest = -1;
  #floors: number[] = [];
  readonly #seen = new Uint8Array(SPAN);
  readonly #sealedBytes = new Uint32Array(WINDOW_RECORDS);
  readonly #sizes = new Uint16Array(WINDOW_RECORDS);
  readonly #missing = new Uint16Array(WINDOW_RECORDS);
  readonly #states = new Uint8Array(WINDOW_RECORDS);
  readonly #got = new Uint8Array(WINDOW_RECORDS * FRAGMENTS_MAX);

  constructor(options: ReceiverCoreOptions) {
    this.#options = options;
  }

  /** Lowest record that is not confirmed. */
  get base(): number {
    return this.#base;
  }

  /**
   * Takes the fragment at `at`.
   *
   * @returns Its whole length, 0 when the rest of the batch is junk.
   */
  onFragment(batch: Buffer, at: number, nowMs: number): number {
    const fragment = readFragment(this.#options.mark, batch, at);
    if (fragment === undefined) {
      this.junk += 1;
      return 0;
    }
    const payload = payloadBytes(fragment);
    const size = FRAGMENT_HEADER_BYTES + payload;
    const transmission = this.#highest + ((fragment.transmission - this.#highest) | 0);
    const record = fragment.record;
    const ahead = transmission - this.#highest;
    if (ahead > SPAN / 2 || ahead <= -SPAN / 2 || record >= this.#base + WINDOW_RECORDS) {
      this.junk += 1;
      return size;
    }
    const slot = record % WINDOW_RECORDS;
    if (record >= this.#base && this.#states[slot] === State.open) {
      if (!this.#place(batch, at, fragment, payload)) return size;
    }
    for (; this.#highest < transmission; this.#seen[this.#highest & MASK] = 0) this.#highest += 1;
    if (ahead > 0) this.#arrivedAt = nowMs;
    this.#seen[transmission & MASK] = 1;
    this.#bytes += size + HEADER_BYTES;
    return size;
  }

  #place(
    batch: Buffer,
    at: number,
    fragment: NonNullable<ReturnType<typeof readFragment>>,
    payload: number,
  ): boolean {
    const { record, index, sealedBytes, fragmentBytes } = fragment;
    const slot = record % WINDOW_RECORDS;
    if (this.#sealedBytes[slot] === 0) {
      this.#sealedBytes[slot] = sealedBytes;
      this.#sizes[slot] = fragmentBytes;
      this.#missing[slot] = Math.ceil(sealedBytes / fragmentBytes);
    } else if (this.#sealedBytes[slot] !== sealedBytes || this.#sizes[slot] !== fragmentBytes) {
      this.junk += 1;
      return false;
    }
    const bit = slot * FRAGMENTS_MAX + index;
    if (this.#got[bit]) return true;
    this.#got[bit] = 1;
    const from = at + FRAGMENT_HEADER_BYTES;
    batch.copy(
      this.#options.ring,
      slot * SEALED_BYTES_MAX + index * fragmentBytes,
      from,
      from + payload,
    );
    const missing = (this.#missing[slot] ?? 0) - 1;
    this.#missing[slot] = missing;
    if (missing === 0) {
      this.#states[slot] = State.whole;
      this.#options.onRecord(record, sealedBytes);
    }
    return true;
  }

  /** The record is on the disk (or will be before the proof). */
  confirm(record: number): void {
    this.#states[record % WINDOW_RECORDS] = State.confirmed;
    for (;;) {
      const slot = this.#base % WINDOW_RECORDS;
      if (this.#states[slot] !== State.confirmed) return;
      this.#clear(slot);
      this.#base += 1;
    }
  }

  /** The record could not be opened: its fragments are forgotten, the sender must be asked again. */
  reject(record: number): void {
    this.#clear(record % WINDOW_RECORDS);
  }

  #clear(slot: number): void {
    this.#states[slot] = State.open;
    this.#sealedBytes[slot] = 0;
    this.#got.fill(0, slot * FRAGMENTS_MAX, (slot + 1) * FRAGMENTS_MAX);
  }

  /** The state in full; `undefined` before anything arrived. */
  report(nowMs: number): Report | undefined {
    if (this.#highest < 0) return;
    if (this.#floors.at(-1) !== this.#highest) this.#floors.push(this.#highest);
    const floor = this.#floors.length > REPORTED_TIMES ? (this.#floors.shift() ?? 0) : -1;
    const runs: number[] = [];
    let bytes = 0;
    let state = 1;
    let run = 0;
    const end = Math.max(floor, this.#highest - SPAN / 2);
    for (let at = this.#highest; at > end && bytes < RUN_BYTES_MAX; at -= 1) {
      if (this.#seen[at & MASK] !== state) {
        runs.push(run);
        bytes += run < 128 ? 1 : 3;
        run = 0;
        state = 1 - state;
      }
      run += 1;
    }
    if (run > 0) runs.push(run);
    const confirmed = new Uint8Array(WINDOW_RECORDS / 8);
    for (let bit = 0; bit < WINDOW_RECORDS; bit += 1) {
      if (this.#states[(this.#base + bit) % WINDOW_RECORDS] !== State.confirmed) continue;
      confirmed[bit >> 3] = (confirmed[bit >> 3] ?? 0) | (1 << (bit & 7));
    }
    return {
      highest: this.#highest,
      holdMs: nowMs - this.#arrivedAt,
      arrivedAtMs: this.#arrivedAt,
      receivedBytes: this.#bytes,
      base: this.#base,
      confirmed,
      runs,
    };
  }
}
