/**
 * The one error that leaves `ec2/`. SDK errors, network errors and credential errors are mapped to
 * it once, so that nobody above reads error names of AWS or message texts.
 */

/** What a caller can do about an error, not what AWS calls it. */
export type CloudErrorKind =
  /** The thing does not exist, or not for us. A delete may take it as done. */
  | "not-found"
  /** Too many requests or temporary server trouble; the call had no effect. */
  | "throttled"
  /** We are who we say, but may not do this. */
  | "denied"
  /** This zone or type has no room now; another may. */
  | "capacity"
  /** The account may not have more of it. */
  | "quota"
  /** Something else still uses it; later it works. */
  | "in-use"
  /** A thing with this name, or this very rule, is there already. */
  | "duplicate"
  /** The request is wrong and stays wrong. */
  | "invalid"
  /** No answer: the call may or may not have had an effect. */
  | "unreachable"
  /** No usable credentials, or the endpoint does not accept them. */
  | "credentials"
  | "other";

export interface CloudErrorDetails {
  readonly kind: CloudErrorKind;
  /** AWS's code (`InvalidAMIID.NotFound`) or Node's (`ECONNREFUSED`). */
  readonly code: string;
  /** The verb of {@link Ec2} as AWS calls it: `RunInstances`. */
  readonly operation: string;
  readonly region: string;
  readonly requestId?: string;
  readonly cause?: unknown;
}

export class CloudError extends Error {
  override readonly name = "CloudError";
  readonly kind: CloudErrorKind;
  readonly code: string;
  readonly operation: string;
  readonly region: string;
  readonly requestId: string | undefined;

  constructor(message: string, details: CloudErrorDetails) {
    super(message, { cause: details.cause });
    this.kind = details.kind;
    this.code = details.code;
    this.operation = details.operation;
    this.region = details.region;
    this.requestId = details.requestId;
  }
}

/** Whether an error is a {@link CloudError} of one of these kinds. Never throws. */
export function isCloudError(error: unknown, ...kinds: CloudErrorKind[]): error is CloudError {
  if (!(error instanceof Error) || error.name !== "CloudError" || !("kind" in error)) return false;
  return kinds.length === 0 || kinds.includes(error.kind as CloudErrorKind);
}
