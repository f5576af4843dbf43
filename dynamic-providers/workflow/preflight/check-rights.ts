/**
 * May this side's identity do what a copy begins with? Asked by dry runs, which make nothing; only
 * of the two calls that name nothing but what is there already.
 */

import { Role, Tag } from "../../../agent/contract.ts";
import { type CloudError, isCloudError } from "../../ec2/cloud-error.ts";
import type { Ec2 } from "../../ec2/ec2.ts";
import type { HelperChoice } from "../choose-helper.ts";
import type { CopyRequest } from "../copy-request.ts";
import { VOLUME_PERFORMANCE } from "../launch-helper.ts";
import type { Problem } from "./problem.ts";

/** As a run's: a policy may ask for the tags by name. */
const TAGS = {
  [Tag.run]: "0000000000000000",
  [Tag.role]: Role.securityGroup,
  [Tag.attempt]: "1",
  [Tag.expires]: "2026-01-01T00:00:00.000Z",
};

export async function checkRights(
  side: "source" | "destination",
  request: CopyRequest,
  cloud: Ec2,
  choice: HelperChoice | undefined,
): Promise<Problem[]> {
  if (choice === undefined) return [];
  const { subnet, instanceType, imageId } = choice;
  const keyName = request.helper[side].debug?.keyName;
  const refusals = await Promise.all([
    refusalOf(() =>
      cloud.tryCreateSecurityGroup({
        name: "amicopy-dry-run",
        description: "amicopy dry run",
        vpcId: subnet.vpcId,
        tags: TAGS,
      }),
    ),
    refusalOf(() =>
      cloud.tryRunInstance({
        imageId,
        instanceType,
        subnetId: subnet.subnetId,
        volumes: [{ deviceName: "/dev/sdf", sizeGib: 1, ...VOLUME_PERFORMANCE }],
        tags: { ...request.helper[side].tags, ...TAGS },
        ...(keyName !== undefined && { keyName }),
      }),
    ),
  ]);
  return refusals.flatMap((refusal) => (refusal === undefined ? [] : toProblem(side, refusal)));
}

/** Other refusals (no room now, …) are no matter of rights, and the call itself will tell. */
async function refusalOf(attempt: () => Promise<void>): Promise<CloudError | undefined> {
  try {
    await attempt();
    return undefined;
  } catch (error) {
    if (!isCloudError(error)) throw error;
    // Without a group the VPC's default one is meant, which our policies rightly keep out.
    if (error.kind !== "denied" || error.message.includes(":security-group/")) return undefined;
    return error;
  }
}

function toProblem(side: string, { operation, message }: CloudError): Problem[] {
  return [
    {
      property: side,
      message: `${message.replace(/\.$/, "")}.`,
      hint: `Allow ec2:${operation} to the identity of this side, as in docs/iam/${side}.json.`,
    },
  ];
}
