/**
 * How an action refuses: an error with EC2's own code. Everything that is not an `ApiError` reaches
 * the client as `InternalError`, so that a bug here never looks like an answer of EC2.
 */

/** HTTP status by code; whatever is not listed is 400, as with EC2. */
const STATUS_BY_CODE: Readonly<Record<string, number>> = {
  AuthFailure: 401,
  AccessDenied: 403,
  InvalidClientTokenId: 403,
  SignatureDoesNotMatch: 403,
  ExpiredToken: 403,
  UnauthorizedOperation: 403,
  DryRunOperation: 412,
  InternalError: 500,
  RequestLimitExceeded: 503,
  Unavailable: 503,
};

/** An answer other than success, with the code a client decides by. */
export class ApiError extends Error {
  readonly code: string;
  readonly status: number;

  constructor(code: string, message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = "ApiError";
    this.code = code;
    // A fault may have any code, also one that is a method of every object.
    this.status = (Object.hasOwn(STATUS_BY_CODE, code) ? STATUS_BY_CODE[code] : undefined) ?? 400;
  }
}

/** `InvalidParameterValue`, by far the most common refusal. */
export function invalidValue(message: string): ApiError {
  return new ApiError("InvalidParameterValue", message);
}

/** `InvalidParameterCombination`: each value is fine, together they are not. */
export function invalidCombination(message: string): ApiError {
  return new ApiError("InvalidParameterCombination", message);
}

/** `MissingParameter`, in EC2's words. */
export function missingParameter(name: string): ApiError {
  return new ApiError("MissingParameter", `The request must contain the parameter ${name}`);
}

/** A real EC2 may do this; localcloud does not, and says so rather than doing nothing. */
export function unsupported(what: string): ApiError {
  return new ApiError("UnsupportedOperation", `localcloud does not implement ${what}.`);
}
