/** How a fault answers a call instead of the cloud. */

import type { ApiError } from "../protocol/api-error.ts";
import type { NoAnswer } from "../protocol/no-answer.ts";

export interface Refusal {
  readonly failure: ApiError | NoAnswer;
  /** The action is done all the same. */
  readonly done: boolean;
}

/** Refused, and nothing was done. */
export function refusedWith(failure: ApiError): Refusal {
  return { failure, done: false };
}
