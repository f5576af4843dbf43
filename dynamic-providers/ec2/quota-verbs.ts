/** What Service Quotas applies to an account, and what EC2 shows to be in use of it. */

import {
  DescribeImagesCommand,
  DescribeInstancesCommand,
  DescribeVolumesCommand,
} from "@aws-sdk/client-ec2";
import {
  GetAWSDefaultServiceQuotaCommand,
  GetServiceQuotaCommand,
} from "@aws-sdk/client-service-quotas";
import { allPages, type Caller } from "./caller.ts";
import { isCloudError } from "./cloud-error.ts";
import type { Ec2 } from "./ec2.ts";

type QuotaVerbs = Pick<
  Ec2,
  "serviceQuota" | "runningInstances" | "storageInUseGib" | "publicImageCount"
>;

/** EC2: the most that it gives in a page; of volumes it may give fewer. */
const PAGE = { MaxResults: 1000 };

export function quotaVerbs(caller: Caller): QuotaVerbs {
  const { repeat } = caller;
  return {
    serviceQuota: (service, code) => serviceQuota(caller, service, code),
    async runningInstances() {
      const Filters = [{ Name: "instance-state-name", Values: ["pending", "running"] }];
      const found = await allPages(
        (token) =>
          repeat("DescribeInstances", [], (ec2) =>
            ec2.send(new DescribeInstancesCommand({ ...PAGE, ...token, Filters })),
          ),
        (page) => page.Reservations?.flatMap(({ Instances }) => Instances ?? []),
      );
      return found.map((instance) => ({
        instanceType: instance.InstanceType ?? "",
        vcpus: (instance.CpuOptions?.CoreCount ?? 0) * (instance.CpuOptions?.ThreadsPerCore ?? 1),
        // Of spot and of capacity blocks: these have quotas of their own.
        isOnDemand: instance.InstanceLifecycle === undefined,
      }));
    },
    async storageInUseGib(volumeType) {
      const Filters = [{ Name: "volume-type", Values: [volumeType] }];
      const found = await allPages(
        (token) =>
          repeat("DescribeVolumes", [], (ec2) =>
            ec2.send(new DescribeVolumesCommand({ ...PAGE, ...token, Filters })),
          ),
        (page) => page.Volumes,
      );
      return found.reduce((sum, { Size }) => sum + (Size ?? 0), 0);
    },
    async publicImageCount() {
      const Filters = [{ Name: "is-public", Values: ["true"] }];
      const query = { ...PAGE, Owners: ["self"], IncludeDeprecated: true, Filters };
      const found = await allPages(
        (token) =>
          repeat("DescribeImages", [], (ec2) =>
            ec2.send(new DescribeImagesCommand({ ...query, ...token })),
          ),
        (page) => page.Images,
      );
      return found.length;
    },
  };
}

/** A quota that nobody has ever applied has its default only (hashicorp/terraform-provider-aws#19745). */
async function serviceQuota(
  { watched, serviceQuotas }: Caller,
  ServiceCode: string,
  QuotaCode: string,
): Promise<number | undefined> {
  const id = { ServiceCode, QuotaCode };
  const applied = await presentOrNot(
    watched("GetServiceQuota", [QuotaCode], () =>
      serviceQuotas.send(new GetServiceQuotaCommand(id)),
    ),
  );
  if (applied?.Quota?.Value !== undefined) return applied.Quota.Value;
  const usual = await presentOrNot(
    watched("GetAWSDefaultServiceQuota", [QuotaCode], () =>
      serviceQuotas.send(new GetAWSDefaultServiceQuotaCommand(id)),
    ),
  );
  return usual?.Quota?.Value;
}

async function presentOrNot<Answer>(asked: Promise<Answer>): Promise<Answer | undefined> {
  try {
    return await asked;
  } catch (error) {
    if (isCloudError(error, "not-found")) return undefined;
    throw error;
  }
}
