/** STS: GetCallerIdentity, AssumeRole. */

import type {
  AssumeRoleRequest,
  AssumeRoleResponse,
  GetCallerIdentityRequest,
  GetCallerIdentityResponse,
} from "@aws-sdk/client-sts";
import { type Action, type Call, stsAction } from "../call.ts";
import { ApiError } from "../protocol/api-error.ts";

export const STS_ACTIONS: readonly Action[] = [
  stsAction<GetCallerIdentityRequest, GetCallerIdentityResponse>(
    "GetCallerIdentity",
    [],
    (_input, { caller }) => ({
      UserId: caller.userId,
      Account: caller.account.id,
      Arn: caller.arn,
    }),
  ),
  stsAction<AssumeRoleRequest, AssumeRoleResponse>(
    "AssumeRole",
    ["RoleArn", "RoleSessionName", "DurationSeconds", "ExternalId"],
    assumeRole,
  ),
];

/** [SDK AssumeRoleRequest]: 15 minutes to 12 hours; one hour when nothing is said. */
const DURATION_SECONDS = { least: 900, most: 43_200, usual: 3600 };

function assumeRole(input: AssumeRoleRequest, call: Call): AssumeRoleResponse {
  const { RoleArn: roleArn = "", RoleSessionName: sessionName = "" } = input;
  const durationSeconds = input.DurationSeconds ?? DURATION_SECONDS.usual;
  if (!/^arn:[\w-]+:iam::\d{12}:role\/.+$/.test(roleArn)) {
    throw new ApiError("ValidationError", `${roleArn} is invalid`);
  }
  if (!/^[\w+=,.@-]{2,64}$/.test(sessionName)) {
    throw new ApiError(
      "ValidationError",
      `1 validation error detected: Value '${sessionName}' at 'roleSessionName' failed to satisfy constraint`,
    );
  }
  if (!(durationSeconds >= DURATION_SECONDS.least && durationSeconds <= DURATION_SECONDS.most)) {
    throw new ApiError(
      "ValidationError",
      `1 validation error detected: Value '${durationSeconds}' at 'durationSeconds' failed to satisfy constraint`,
    );
  }
  call.commit();
  const session = call.cloud.accounts.assumeRole({
    caller: call.caller,
    roleArn,
    sessionName,
    externalId: input.ExternalId,
    durationSeconds,
  });
  return {
    Credentials: {
      AccessKeyId: session.accessKeyId,
      SecretAccessKey: session.secretAccessKey,
      SessionToken: session.sessionToken,
      Expiration: session.expiration,
    },
    AssumedRoleUser: { Arn: session.caller.arn, AssumedRoleId: session.caller.userId },
    PackedPolicySize: 0,
  };
}
