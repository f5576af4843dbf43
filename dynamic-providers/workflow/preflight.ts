/** What can be known to go wrong before anything is created, all of it at once. */

import type { CopyRequest, RunIdentity } from "./copy-request.ts";
import type { Clouds } from "./run-context.ts";

/** One thing that stands in the way of a copy. */
export interface Problem {
  /** Path of the argument to change: `source.region`. */
  readonly property: string;
  /** What is wrong, with the ids involved: one sentence. */
  readonly message: string;
  /** What to do: one sentence. */
  readonly hint: string;
}

export interface PreflightReport {
  /** Empty: nothing known stands in the way. */
  readonly problems: readonly Problem[];
  /** Where both sides really are; absent when one could not be entered. */
  readonly identity?: Omit<RunIdentity, "runId">;
}

/**
 * Looks and never changes anything. Does not throw for what a person can repair.
 *
 * @param previous - The run that is going to be continued: its own leftovers are no problem.
 */
export function preflight(
  _request: CopyRequest,
  _clouds: Clouds,
  _previous?: RunIdentity,
): Promise<PreflightReport> {
  throw new Error("written next");
}
