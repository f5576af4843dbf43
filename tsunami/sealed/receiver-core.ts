/**
 * The receiver without clock, socket or disk: puts fragments together, and says what arrived.
 *
 * 1. A fragment of a record within the window is copied to its place in the ring.
 * 2. A complete record is handed on, to be opened and written; then it is confirmed or rejected.
 * 3. A report says all of this anew each time. Only what was really taken counts as arrived.
 */

import {
  FRAGMENT_HEADER_BYTES,
  type Fragment,
  type Mark,
  payloadBytes,
  readFragment,
} from "./datagram.ts";
import { FRAGMENTS_MAX, HEADER_BYTES, SEALED_BYTES_MAX, WINDOW_RECORDS } from "./limits.ts";
import { type Report, RUN_BYTES_MAX } from "./report.ts";

/** Ours. More than a sender leaves unknown, so that no honest jump is refused. */
const SPAN = 1 << 17;
const MASK = 2 * SPAN - 1;
/** Ours. A transmission is reported in so many reports: so many may be lost in a row. */
const REPORTED_TIMES = 16;

/** Ours. Transmissions over which loss is measured. */
const LOSS_SPAN = 4096;
/** Ours. 2 MB: some ten bursts of a sender that starts. */
const WATCHED_TRANSMISSIONS = 1600;

/** A record in the window of which something arrived. */
interface Slot {
  readonly sealedBytes: number;
  readonly fragmentBytes: number;
  readonly got: Uint8Array;
  missing: number;
  confirmed: boolean;
}

export interface ReceiverCoreOptions {
  /** As the sender's ring. */
  readonly ring: Buffer;
  readonly mark: Mark;
  /** The record is complete in its slot, which stays untouched until it is confirmed or rejected. */
  readonly onRecord: (record: number, sealedBytes: number) => void;
}

export class ReceiverCore {
  /** Fragments outside every window, or at odds with what came before. */
  refused = 0;
  /** Lowest record that is not confirmed. */
  base = 0;
  /** Share of transmissions lost lately. */
  lossRatio = 0;
  readonly #options: ReceiverCoreOptions;
  readonly #slots = new Map<number, Slot>();
  readonly #seen = new Uint8Array(2 * SPAN);
  readonly #floors: number[] = [];
  #bytes = 0;
  #arrivedAt = 0;
  #highest = -1;
  /** Since {@link lossRatio} was measured: the highest then, and arrivals. */
  #measured = -1;
  #arrived = 0;

  constructor(options: ReceiverCoreOptions) {
    this.#options = options;
  }

  /**
   * Takes the fragment at `at`.
   *
   * @returns Its whole length, 0 when it is none of ours.
   */
  onFragment(batch: Buffer, at: number, nowMs: number): number {
    const fragment = readFragment(this.#options.mark, batch, at);
    if (!fragment) return 0;
    const size = FRAGMENT_HEADER_BYTES + payloadBytes(fragment);
    const ahead = (fragment.transmission - this.#highest) | 0;
    const transmission = this.#highest + ahead;
    if (Math.abs(ahead) > SPAN || !this.#place(fragment, batch.subarray(at, at + size))) {
      this.refused += 1;
      return size;
    }
    for (; this.#highest < transmission; this.#seen[this.#highest & MASK] = 0) this.#highest += 1;
    if (ahead > 0) this.#arrivedAt = nowMs;
    this.#arrived += 1 - (this.#seen[transmission & MASK] ?? 0);
    this.#seen[transmission & MASK] = 1;
    if (this.#highest - this.#measured >= LOSS_SPAN) {
      this.lossRatio = Math.max(0, 1 - this.#arrived / (this.#highest - this.#measured));
      this.#measured = this.#highest;
      this.#arrived = 0;
    }
    this.#bytes += size + HEADER_BYTES;
    return size;
  }

  #place(fragment: Fragment, bytes: Buffer): boolean {
    const { record, index, sealedBytes, fragmentBytes } = fragment;
    if (record < this.base) return true;
    if (record >= this.base + WINDOW_RECORDS) return false;
    let slot = this.#slots.get(record);
    if (slot && slot.sealedBytes !== sealedBytes) return false;
    if (slot && !slot.missing) return true;
    // A sender that finds the path narrower than before cuts all anew.
    if (!slot || fragmentBytes < slot.fragmentBytes) {
      const missing = Math.ceil(sealedBytes / fragmentBytes);
      const got = new Uint8Array(FRAGMENTS_MAX);
      slot = { sealedBytes, fragmentBytes, got, missing, confirmed: false };
      this.#slots.set(record, slot);
    }
    if (slot.fragmentBytes !== fragmentBytes) return false;
    if (slot.got[index]) return true;
    slot.got[index] = 1;
    const to = (record % WINDOW_RECORDS) * SEALED_BYTES_MAX + index * fragmentBytes;
    bytes.copy(this.#options.ring, to, FRAGMENT_HEADER_BYTES);
    slot.missing -= 1;
    if (!slot.missing) this.#options.onRecord(record, sealedBytes);
    return true;
  }

  /** The record is on the disk (or will be before the proof). */
  confirm(record: number): void {
    const slot = this.#slots.get(record);
    if (slot) slot.confirmed = true;
    for (; this.#slots.get(this.base)?.confirmed; this.base += 1) this.#slots.delete(this.base);
  }

  /** The record could not be opened: its fragments are forgotten, the sender must be asked again. */
  reject(record: number): void {
    this.#slots.delete(record);
  }

  /** Something arrived. */
  get started(): boolean {
    return this.#highest >= 0;
  }

  /** The sender looks how its first bursts arrive: it should hear of them piece by piece. */
  get watched(): boolean {
    return this.#highest < WATCHED_TRANSMISSIONS;
  }

  /** The state in full; `undefined` before anything arrived. */
  report(nowMs: number): Report | undefined {
    if (this.#highest < 0) return;
    const floors = this.#floors;
    if (floors.at(-1) !== this.#highest) floors.push(this.#highest);
    if (floors.length > REPORTED_TIMES) floors.shift();
    const floor = floors.length < REPORTED_TIMES ? -1 : (floors[0] ?? 0);
    const runs: number[] = [];
    let bytes = 0;
    let state = 1;
    let run = 0;
    for (let at = this.#highest; at > Math.max(floor, this.#highest - SPAN); at -= 1) {
      if (this.#seen[at & MASK] !== state) {
        runs.push(run);
        bytes += run < 128 ? 1 : 3;
        run = 0;
        state ^= 1;
      }
      if (bytes > RUN_BYTES_MAX) break;
      run += 1;
    }
    if (run) runs.push(run);
    const confirmed = new Uint8Array(WINDOW_RECORDS / 8);
    for (const [record, slot] of this.#slots) {
      const bit = record - this.base;
      if (slot.confirmed) confirmed[bit >> 3] = (confirmed[bit >> 3] ?? 0) | (1 << (bit & 7));
    }
    return {
      ...{ highest: this.#highest, holdMs: nowMs - this.#arrivedAt, arrivedAtMs: this.#arrivedAt },
      ...{ receivedBytes: this.#bytes, base: this.base, confirmed, runs },
    };
  }
}
