/**
 * How each service says that it does not know who calls. EC2 has `AuthFailure` for nearly everything;
 * the codes of Service Quotas are those common to services of its protocol ("Common Errors" in its
 * API reference).
 */

import { ApiError } from "./api-error.ts";
import type { Service } from "./operations.ts";

/** The key is not known, or not in this partition. */
export function unknownKey(service: Service): ApiError {
  if (service === "ec2") {
    const message = "AWS was not able to validate the provided access credentials";
    return new ApiError("AuthFailure", message);
  }
  return new ApiError(
    service === "sts" ? "InvalidClientTokenId" : "UnrecognizedClientException",
    "The security token included in the request is invalid.",
  );
}

/** The key's secret has not signed this. */
export function wrongSignature(service: Service): ApiError {
  if (service === "ec2") return unknownKey(service);
  return new ApiError(
    signatureCode(service),
    "The request signature we calculated does not match the signature you provided. Check your AWS Secret Access Key and signing method.",
  );
}

/** Signed for a region that there is not. */
export function unknownRegion(service: Service, region: string): ApiError {
  const message = `Credential should be scoped to a valid region: there is no region ${region}.`;
  return new ApiError(service === "ec2" ? "AuthFailure" : signatureCode(service), message);
}

/** A session that is over. */
export function expired(service: Service): ApiError {
  if (service === "ec2") return new ApiError("RequestExpired", "Request has expired.");
  return new ApiError(
    service === "sts" ? "ExpiredToken" : "ExpiredTokenException",
    "The security token included in the request is expired",
  );
}

function signatureCode(service: Exclude<Service, "ec2">): string {
  return service === "sts" ? "SignatureDoesNotMatch" : "InvalidSignatureException";
}
