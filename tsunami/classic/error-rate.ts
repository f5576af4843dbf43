/** The receiver's "error rate", as the original computes it. */

/** What happened since the last report. */
export interface ReportInterval {
  /** Blocks asked for in the round that goes with this report. */
  readonly requestedBlocks: number;
  /** Datagrams that came, duplicates included. */
  readonly datagrams: number;
  /** All slots between socket and disk are in use. */
  readonly ringFull: boolean;
}

/**
 * Smoothed share of blocks asked for, percent × 1000. The scale is half of what the name says:
 * asking for 15 % of the packets gives 7500, the default threshold.
 */
export class ErrorRate {
  #value = 0;
  readonly #historyWeight: number;

  constructor(historyPercent: number) {
    this.#historyWeight = historyPercent / 100;
  }

  /** @returns The whole number that goes on the wire. */
  update({ requestedBlocks, datagrams, ringFull }: ReportInterval): number {
    const share = requestedBlocks / (1 + requestedBlocks + datagrams) + (ringFull ? 1 : 0);
    this.#value = this.#historyWeight * this.#value + (1 - this.#historyWeight) * 50_000 * share;
    return Math.trunc(this.#value);
  }
}
