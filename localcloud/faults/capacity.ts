/** No room for an instance: in a zone, for a type, or within the account's quota. */

import type { RunInstancesRequest } from "@aws-sdk/client-ec2";
import type { Call } from "../call.ts";
import { ApiError } from "../protocol/api-error.ts";
import type { Rule } from "./fault-rule.ts";
import { type Refusal, refusedWith } from "./refusal.ts";

/** What a launch asks for that may be short. */
export function wishOf(
  input: Partial<RunInstancesRequest>,
  call: Pick<Call, "store">,
): { instanceType: string | undefined; zone: string | undefined } {
  const subnetId = input.SubnetId ?? input.NetworkInterfaces?.[0]?.SubnetId ?? "";
  const zone = call.store.subnets.get(subnetId)?.zone.name ?? input.Placement?.AvailabilityZone;
  return { instanceType: input.InstanceType, zone };
}

const refused = (code: string, message: string) => refusedWith(new ApiError(code, message));

/** In EC2's words, so that whoever reads them learns the same. [errors-overview] */
export function noRoom(
  { code }: Rule<"capacity">,
  wish: { readonly instanceType?: string | undefined; readonly zone?: string | undefined },
): Refusal {
  const type = wish.instanceType ?? "m1.small";
  if (code === "VcpuLimitExceeded") {
    return refused(
      code,
      "You have requested more vCPU capacity than your current vCPU limit of 0 allows for the " +
        "instance bucket that the specified instance type belongs to. Please visit " +
        "http://aws.amazon.com/contact-us/ec2-request to request an adjustment to this limit.",
    );
  }
  return refused(
    code,
    `We currently do not have sufficient ${type} capacity in the Availability Zone you requested ` +
      `(${wish.zone ?? "any"}). Our system will be working on provisioning additional capacity.`,
  );
}
