/**
 * States that move with time. Nothing here has a timer: a state knows what it will be and when, and
 * is asked with the time of the question. What waits for real work (a disk being cloned, a machine
 * ending) is told when that work is over.
 */

/** How long things take, in milliseconds. 0 is allowed everywhere. */
export interface Delays {
  /** RunInstances and StartInstances to `running`. */
  readonly instancePending: number;
  /** `stopping` and `shutting-down`, after the machine itself has ended. */
  readonly instanceStopping: number;
  /** CreateVolume to `available`. */
  readonly volumeCreating: number;
  /** CreateSnapshot to `completed`. */
  readonly snapshotPending: number;
  /** RegisterImage and CopyImage to `available`. */
  readonly imagePending: number;
  /** Least time between two snapshots of a volume; the real one is 15 s. */
  readonly snapshotInterval: number;
  /** From disabling a deregistration protection with cooldown until it is really off. */
  readonly deregistrationCooldown: number;
}

/** Long enough that nobody can rely on there being no wait, short enough for a test. */
export const DEFAULT_DELAYS: Delays = {
  instancePending: 200,
  instanceStopping: 150,
  volumeCreating: 150,
  snapshotPending: 400,
  imagePending: 250,
  snapshotInterval: 0,
  deregistrationCooldown: 24 * 3600_000,
};

/** One thing's state over time. */
export class State<Name extends string> {
  #steps: { readonly name: Name; readonly sinceMs: number }[];

  constructor(name: Name, nowMs: number) {
    this.#steps = [{ name, sinceMs: nowMs }];
  }

  /** The state at a time. */
  at(nowMs: number): Name {
    return this.#stepAt(nowMs).name;
  }

  /** How much of the present state has passed on the way to the next: 0 to 1. */
  progressAt(nowMs: number): number {
    const step = this.#stepAt(nowMs);
    const next = this.#steps[this.#steps.indexOf(step) + 1];
    if (next === undefined || next.sinceMs <= step.sinceMs) return 1;
    if (!Number.isFinite(next.sinceMs)) return 0;
    return Math.max(0, Math.min(1, (nowMs - step.sinceMs) / (next.sinceMs - step.sinceMs)));
  }

  /** From now on this; whatever was to come is forgotten. */
  set(name: Name, nowMs: number): this {
    this.#steps = [{ name, sinceMs: nowMs }];
    return this;
  }

  /** After the last known state, at that time, this one. */
  later(name: Name, atMs: number): this {
    this.#steps.push({ name, sinceMs: atMs });
    return this;
  }

  #stepAt(nowMs: number): { readonly name: Name; readonly sinceMs: number } {
    const step = this.#steps.findLast(({ sinceMs }) => sinceMs <= nowMs) ?? this.#steps[0];
    if (step === undefined) throw new Error("a state is never empty");
    return step;
  }
}
