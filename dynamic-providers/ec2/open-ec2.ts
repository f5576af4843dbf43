/** The one way to EC2, STS and Service Quotas: opens a side of a copy. */

import { GetCallerIdentityCommand } from "@aws-sdk/client-sts";
import { allowedImageVerbs } from "./allowed-images.ts";
import { bootVerbs } from "./boot-verbs.ts";
import { makeCaller } from "./caller.ts";
import { endOfCredentials } from "./credentials.ts";
import { donorVerbs } from "./donor-verbs.ts";
import type { Ec2 } from "./ec2.ts";
import { imageAttributeVerbs } from "./image-attribute-verbs.ts";
import { imageVerbs } from "./image-verbs.ts";
import { machineVerbs } from "./machine-verbs.ts";
import { networkVerbs } from "./network-verbs.ts";
import { quotaVerbs } from "./quota-verbs.ts";
import type { SideReference } from "./side-reference.ts";
import { snapshotVerbs } from "./snapshot-verbs.ts";

/**
 * Makes the clients and calls nothing: credentials are looked for at the first call.
 *
 * @param environment - Read for prefixed credentials, `AWS_ENDPOINT_URL` and `AMICOPY_LOG`.
 */
export function openEc2(side: SideReference, environment: NodeJS.ProcessEnv): Ec2 {
  const caller = makeCaller(side, environment);
  return {
    region: side.region,
    async callerIdentity(region = side.region) {
      const { watched, sts } =
        region === side.region ? caller : makeCaller({ ...side, region }, environment);
      const answer = await watched("GetCallerIdentity", [], () =>
        sts.send(new GetCallerIdentityCommand({})),
      );
      const arn = answer.Arn ?? "";
      return { accountId: answer.Account ?? "", partition: arn.split(":")[1] ?? "", arn };
    },
    clockBehindMs: caller.clockBehindMs,
    credentialsEnd: () => endOfCredentials(side, environment),
    ...allowedImageVerbs(caller),
    ...imageVerbs(caller),
    ...imageAttributeVerbs(caller),
    ...snapshotVerbs(caller),
    ...machineVerbs(caller),
    ...donorVerbs(caller),
    ...bootVerbs(caller),
    ...networkVerbs(caller),
    ...quotaVerbs(caller),
  };
}
