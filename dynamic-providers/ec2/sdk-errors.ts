/** SDK, network and credential errors → {@link CloudError}: the one place that knows their names. */

import { CloudError, type CloudErrorKind } from "./cloud-error.ts";

/**
 * Codes whose name does not already say the kind. EC2's and STS's, from the errors overview; those of
 * Service Quotas from its API reference.
 */
const KIND_BY_CODE: Readonly<Record<string, CloudErrorKind>> = {
  "InvalidAMIID.Unavailable": "not-found",
  NoSuchResourceException: "not-found",

  RequestLimitExceeded: "throttled",
  Throttling: "throttled",
  ThrottlingException: "throttled",
  ThrottledException: "throttled",
  EC2ThrottledException: "throttled",
  RequestThrottled: "throttled",
  RequestThrottledException: "throttled",
  SlowDown: "throttled",
  TooManyRequestsException: "throttled",
  SnapshotCreationPerVolumeRateExceeded: "throttled",
  ConcurrentSnapshotLimitExceeded: "throttled",

  UnauthorizedOperation: "denied",
  AccessDenied: "denied",
  AccessDeniedException: "denied",
  DependencyAccessDeniedException: "denied",
  OptInRequired: "denied",
  PendingVerification: "denied",

  InsufficientInstanceCapacity: "capacity",
  InsufficientHostCapacity: "capacity",
  InsufficientCapacity: "capacity",
  InsufficientVolumeCapacity: "capacity",
  Unsupported: "capacity",

  VcpuLimitExceeded: "quota",
  InstanceLimitExceeded: "quota",
  VolumeLimitExceeded: "quota",
  MaxIOPSLimitExceeded: "quota",
  SnapshotLimitExceeded: "quota",
  PendingSnapshotLimitExceeded: "quota",
  SecurityGroupLimitExceeded: "quota",
  AddressLimitExceeded: "quota",

  DependencyViolation: "in-use",
  VolumeInUse: "in-use",
  IncorrectInstanceState: "in-use",
  IncorrectState: "in-use",

  IdempotentParameterMismatch: "invalid",
  MissingParameter: "invalid",
  UnknownParameter: "invalid",
  UnsupportedOperation: "invalid",
  ValidationError: "invalid",
  MalformedQueryString: "invalid",
  VPCIdNotSpecified: "invalid",
  DefaultVpcDoesNotExist: "invalid",
  TagLimitExceeded: "invalid",

  AuthFailure: "credentials",
  InvalidClientTokenId: "credentials",
  SignatureDoesNotMatch: "credentials",
  InvalidSignatureException: "credentials",
  IncompleteSignature: "credentials",
  ExpiredToken: "credentials",
  ExpiredTokenException: "credentials",
  RequestExpired: "credentials",
  UnrecognizedClientException: "credentials",
  MissingAuthenticationToken: "credentials",
  InvalidToken: "credentials",
  Blocked: "credentials",
  CredentialsMissing: "credentials",
  CredentialsProviderError: "credentials",
  TokenProviderError: "credentials",

  InternalError: "unreachable",
  InternalFailure: "unreachable",
  ServiceUnavailable: "unreachable",
  Unavailable: "unreachable",
  TimeoutError: "unreachable",
  AbortError: "unreachable",
  ECONNREFUSED: "unreachable",
  ECONNRESET: "unreachable",
  ENOTFOUND: "unreachable",
  EAI_AGAIN: "unreachable",
  EAI_NODATA: "unreachable",
  ETIMEDOUT: "unreachable",
  EHOSTUNREACH: "unreachable",
  ENETUNREACH: "unreachable",
  EPIPE: "unreachable",
};

/** Longest message of AWS that we pass on: an encoded authorization failure alone has a kilobyte. */
const MESSAGE_MAX_LENGTH = 400;

/** @param error - Whatever a call threw. A CloudError is returned as it is. */
export function toCloudError(error: unknown, operation: string, region: string): CloudError {
  if (error instanceof CloudError) return error;
  const { code, message, status, requestId } = describe(error);
  const kind = kindOf(code, message, status);
  return new CloudError(`${operation} in ${region}: ${code}: ${message}`, {
    kind,
    code,
    operation,
    region,
    cause: error,
    ...(requestId !== undefined && { requestId }),
  });
}

interface Described {
  readonly code: string;
  readonly message: string;
  readonly status: number | undefined;
  readonly requestId: string | undefined;
}

function describe(error: unknown): Described {
  const fields = Object(error) as {
    name?: unknown;
    code?: unknown;
    message?: unknown;
    $metadata?: { httpStatusCode?: number; requestId?: string };
    errors?: unknown[];
  };
  // Node tries IPv6 and IPv4 and throws both failures in one; one of them tells enough.
  if (Array.isArray(fields.errors) && fields.errors.length > 0) return describe(fields.errors[0]);
  const nodeCode = typeof fields.code === "string" && /^E[A-Z_]+$/.test(fields.code);
  const code = nodeCode ? String(fields.code) : String(fields.name ?? "Error");
  const text = String(fields.message ?? "")
    .replace(/\s*Encoded authorization failure message: \S+/, "")
    // Text from outside: nothing in it may move the cursor of whoever reads our log.
    .replace(/[^\x21-\x7e]+/g, " ")
    .trim();
  return {
    code,
    message: text.slice(0, MESSAGE_MAX_LENGTH),
    status: fields.$metadata?.httpStatusCode,
    requestId: fields.$metadata?.requestId,
  };
}

function kindOf(code: string, message: string, status: number | undefined): CloudErrorKind {
  // EC2 says AuthFailure for "who are you" and for "this image is not for you" alike.
  if (code === "AuthFailure" && /not authorized for/i.test(message)) return "denied";
  // How CreateImage says that an instance which has just stopped is not ready for it.
  if (code === "InvalidParameterValue" && /^Instance is not in state/i.test(message)) {
    return "in-use";
  }
  const known = KIND_BY_CODE[code];
  if (known !== undefined) return known;
  if (/NotFound$/.test(code)) return "not-found";
  if (/Duplicate$/.test(code)) return "duplicate";
  if (/InUse$/.test(code)) return "in-use";
  if (/^Invalid|Malformed/.test(code)) return "invalid";
  // A lost or unreadable answer of a server in trouble: the call may have had its effect.
  if (status !== undefined && status >= 500) return "unreachable";
  return "other";
}
