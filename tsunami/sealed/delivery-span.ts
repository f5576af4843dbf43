/** Over which stretch of the transfer a rate of delivery is measured: a short one, or a round. */

/** A delivery rate is measured over at least this much. */
export const RATE_INTERVAL_MS = 40;

/** What was known when the newest acknowledged transmission was sent, and when it arrived. */
export interface Milestone {
  readonly sentAt: number;
  /** Link bytes sent until then, and received by the peer until `arrivedAt`. */
  readonly sentBytes: number;
  readonly arrivedAt: number;
  readonly bytes: number;
}

export class DeliverySpan {
  #roundStart: Milestone | undefined;
  readonly #milestones: Milestone[] = [];

  /**
   * Takes in the newest milestone.
   *
   * @param rising - While the rate rises, a short look back; else the round as a whole, which is
   * steadier.
   * @returns Where the span begins that ends with it.
   */
  lookBack(last: Milestone, roundEnds: boolean, rising: boolean): Milestone {
    const start = this.#roundStart ?? last;
    if (roundEnds || !this.#roundStart) this.#roundStart = last;
    this.#milestones.push(last);
    while (last.sentAt - (this.#milestones[1] ?? last).sentAt >= RATE_INTERVAL_MS) {
      this.#milestones.shift();
    }
    if (rising) return this.#milestones[0] ?? last;
    return roundEnds ? start : last;
  }
}
