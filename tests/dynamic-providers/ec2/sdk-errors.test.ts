import assert from "node:assert/strict";
import { test } from "node:test";
import { toCloudError } from "../../../dynamic-providers/ec2/sdk-errors.ts";

function sdkError(name: string, message = "m", status = 400) {
  return Object.assign(new Error(message), {
    name,
    $metadata: { httpStatusCode: status, requestId: "r-1" },
  });
}

const CASES = [
  ["InvalidAMIID.NotFound", "not-found"],
  ["InvalidAMIID.Unavailable", "not-found"],
  ["InvalidSnapshot.NotFound", "not-found"],
  ["InvalidPermission.NotFound", "not-found"],
  ["RequestLimitExceeded", "throttled"],
  ["UnauthorizedOperation", "denied"],
  ["InsufficientInstanceCapacity", "capacity"],
  ["Unsupported", "capacity"],
  ["DependencyViolation", "in-use"],
  ["InvalidSnapshot.InUse", "in-use"],
  ["VolumeInUse", "in-use"],
  ["InvalidGroup.Duplicate", "duplicate"],
  ["InvalidAMIName.Duplicate", "duplicate"],
  ["InvalidParameterValue", "invalid"],
  ["InvalidAMIID.Malformed", "invalid"],
  ["IdempotentParameterMismatch", "invalid"],
  ["AuthFailure", "credentials"],
  ["ExpiredToken", "credentials"],
  ["CredentialsProviderError", "credentials"],
  ["InternalError", "unreachable"],
  ["SomethingNew", "other"],
] as const;

test("AWS's codes become what a caller can do about them", () => {
  for (const [code, kind] of CASES) {
    assert.equal(toCloudError(sdkError(code), "Op", "r").kind, kind, code);
  }
});

test("an image that is not for us is a refusal, not a question of credentials", () => {
  const error = toCloudError(sdkError("AuthFailure", "Not authorized for image:ami-1"), "Op", "r");
  assert.equal(error.kind, "denied");
});

test("a server in trouble and a lost connection leave open whether the call had an effect", () => {
  assert.equal(toCloudError(sdkError("Weird", "m", 503), "Op", "r").kind, "unreachable");
  const refused = Object.assign(new Error("connect"), { code: "ECONNREFUSED" });
  assert.equal(toCloudError(refused, "Op", "r").kind, "unreachable");
  const both = Object.assign(new AggregateError([refused, refused]), { code: "ECONNREFUSED" });
  assert.equal(toCloudError(both, "Op", "r").code, "ECONNREFUSED");
});

test("the message names operation, region and code, and nothing that could be an attack or a secret", () => {
  const text = "You are not authorized. Encoded authorization failure message: AAAA_BBBB \u001b[2J";
  const error = toCloudError(sdkError("UnauthorizedOperation", text), "RunInstances", "us-east-1");
  assert.equal(
    error.message,
    "RunInstances in us-east-1: UnauthorizedOperation: You are not authorized. [2J",
  );
  assert.equal(error.requestId, "r-1");
});

test("an error is mapped once", () => {
  const once = toCloudError(sdkError("X"), "Op", "r");
  assert.equal(toCloudError(once, "Other", "q"), once);
});
