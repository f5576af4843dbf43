/** What has gone wrong on request so far. */

export interface FiredFault {
  readonly at: Date;
  /** The rule's place in the plan, as in `faults[0]`. */
  readonly rule: number;
  readonly fault: string;
  /** What it happened to: an action or an id, the account and the region. */
  readonly to: string;
  /** What was done, e.g. `InternalError`. */
  readonly what: string;
}

/** Ours. The oldest go first. */
const FIRED_MAX_COUNT = 10_000;

export class FaultLog {
  readonly #records: FiredFault[] = [];
  readonly #tell: (fired: FiredFault) => void;

  /** @param tell - Called with each as it happens. */
  constructor(tell: (fired: FiredFault) => void = () => {}) {
    this.#tell = tell;
  }

  add(fired: FiredFault): void {
    this.#records.push(fired);
    if (this.#records.length > FIRED_MAX_COUNT) this.#records.splice(0, FIRED_MAX_COUNT / 10);
    this.#tell(fired);
  }

  /** Oldest first. */
  get records(): readonly FiredFault[] {
    return this.#records;
  }
}

/** One line for a person. */
export function formatFired({ rule, fault, to, what }: Omit<FiredFault, "at">): string {
  return `faults[${rule}] ${fault}: ${to}: ${what}`;
}
