/**
 * The helper's right to exist: it ends when the controller has stopped renewing it. Only the
 * monotonic clock of this machine counts, since the controller's may be wrong. Never reads a clock.
 */

/** A lease that every change of a counter renews. */
export class Lease {
  readonly #leaseMs: number;
  #value: string | undefined;
  #endMs: number;

  constructor(leaseMs: number, nowMs: number) {
    this.#leaseMs = leaseMs;
    this.#endMs = nowMs + leaseMs;
  }

  /** @param value - Of the tag, as found; absent and unchanged ones renew nothing. */
  observe(value: string | undefined, nowMs: number): void {
    if (value === undefined || value === this.#value) return;
    this.#value = value;
    this.#endMs = nowMs + this.#leaseMs;
  }

  ended(nowMs: number): boolean {
    return nowMs >= this.#endMs;
  }
}
