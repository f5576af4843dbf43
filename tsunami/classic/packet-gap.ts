/**
 * The sender's rate, as the original computes it: a gap between packets that every report of the
 * receiver makes longer or shorter. Floating point, in the original's order of operations, so that
 * both print the same numbers.
 */

import { GAP_MAX_US, INITIAL_GAP_FACTOR } from "./constants.ts";
import type { Parameters } from "./wire.ts";

/** Percent × 1000. The original divides by the distance of the threshold to it. */
const WHOLE = 100_000;

/** Gap at the full rate, in whole microseconds, rounded down: the true limit is a little higher. */
export function minimumGapUs(
  parameters: Pick<Parameters, "blockSizeBytes" | "rateBitsPerSecond">,
): number {
  return Math.floor((8_000_000 * parameters.blockSizeBytes) / parameters.rateBitsPerSecond);
}

export class PacketGap {
  /** Microseconds from one packet to the next. */
  currentUs: number;
  readonly minimumUs: number;
  readonly #parameters: Parameters;

  /**
   * A minimum of 0 (more than one block in a microsecond) becomes 1: the original would neither
   * pace nor ever slow down, since it only multiplies.
   */
  constructor(parameters: Parameters) {
    this.#parameters = parameters;
    this.minimumUs = Math.max(1, minimumGapUs(parameters));
    this.currentUs = INITIAL_GAP_FACTOR * this.minimumUs;
  }

  /**
   * One report, true or assumed.
   *
   * @param errorRate - Percent × 1000; above 100 % counts as 100 %, and a threshold of 100 % or
   * more as just below, where the original divides by zero.
   */
  report(errorRate: number): void {
    const { slower, faster } = this.#parameters;
    const rate = Math.min(errorRate, WHOLE);
    const threshold = Math.min(this.#parameters.errorThreshold, WHOLE - 1);
    if (rate > threshold) {
      const step = slower.numerator / slower.denominator - 1;
      this.currentUs *= 1 + (step * (1 + rate - threshold)) / (WHOLE - threshold);
    } else {
      this.currentUs *= faster.numerator / faster.denominator;
    }
    this.currentUs = Math.max(Math.min(this.currentUs, GAP_MAX_US), this.minimumUs);
  }
}
