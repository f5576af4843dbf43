/**
 * The one error that leaves the workflow: what failed, in which step, on which things, and what to
 * do next. Its message is whole sentences for the person who ran `pulumi up`.
 */

export type CopyErrorCode =
  /** Preflight found problems; nothing was created. */
  | "preflight"
  /** The run was stopped from outside. */
  | "stopped"
  /** Another process works on this run with a newer claim. */
  | "superseded"
  /** Another run is at work for the same row of the stack, and began later. */
  | "displaced"
  /** `timeoutMinutes` is over, or one wait's own limit. */
  | "timed-out"
  /** No zone and type has room. */
  | "no-capacity"
  /** A helper ended or never spoke. */
  | "helper-lost"
  /** A helper reported a failure. */
  | "helper-failed"
  /** Both sides' digests of a volume differ. */
  | "digest-mismatch"
  /** A snapshot or image went to a failed state, or came out other than asked. */
  | "product-failed"
  /** The credentials now lead to another account than the run's. */
  | "wrong-account"
  /** AWS refused or did not answer a call. */
  | "cloud";

export interface CopyErrorDetails {
  readonly code: CopyErrorCode;
  /** File name of the step: `snapshot-volumes`. */
  readonly step: string;
  /** Ids of what the error is about. */
  readonly ids?: readonly string[];
  /** What to do next, one sentence. */
  readonly hint?: string;
  readonly cause?: unknown;
}

export class CopyError extends Error {
  override readonly name = "CopyError";
  readonly code: CopyErrorCode;
  readonly step: string;
  readonly ids: readonly string[];
  readonly hint: string | undefined;
  /** What could not be cleaned up, `instance i-… in us-east-1: why` a line; set when undo failed. */
  leftBehind: readonly string[] = [];
  /** Helpers that stay for a while because they were asked to, each with how to log in. */
  kept: readonly string[] = [];

  constructor(message: string, details: CopyErrorDetails) {
    super(message, { cause: details.cause });
    this.code = details.code;
    this.step = details.step;
    this.ids = details.ids ?? [];
    this.hint = details.hint;
  }
}

/** By name, since the class may have been loaded twice. */
export function isCopyError(error: unknown, ...codes: CopyErrorCode[]): error is CopyError {
  if (!(error instanceof Error) || error.name !== "CopyError" || !("code" in error)) return false;
  return codes.length === 0 || codes.includes(error.code as CopyErrorCode);
}
