/** To what rate the bottleneck spreads the bursts of a start: the first that is known of a link. */

import type { Milestone } from "./delivery-span.ts";

/** What is sent within so much is one burst; it tells something from so many bytes on. */
const BURST_SPAN_MS = 6;
const BURST_BYTES_MIN = 80_000;

export class BurstSpread {
  /** When the last burst was sent. */
  lastAt = 0;
  /** The first word of a burst. */
  #first: Milestone | undefined;

  /** @returns Bytes a second at which the burst of `last` arrived so far; 0 if that says nothing. */
  at(last: Milestone): number {
    if (last.sentAt > this.lastAt) return 0;
    const sending = last.sentAt - (this.#first?.sentAt ?? Number.NEGATIVE_INFINITY);
    if (!this.#first || sending > BURST_SPAN_MS) {
      this.#first = last;
      return 0;
    }
    const bytes = last.bytes - this.#first.bytes;
    const arriving = last.arrivedAt - this.#first.arrivedAt;
    // What was sent no faster than it arrived was not spread on its way.
    return bytes < BURST_BYTES_MIN || sending > arriving / 2 ? 0 : (bytes * 1000) / arriving;
  }
}
