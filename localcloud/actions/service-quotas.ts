/** Service Quotas: GetServiceQuota, GetAWSDefaultServiceQuota, of the quotas that localcloud has. */

import type {
  GetAWSDefaultServiceQuotaRequest,
  GetAWSDefaultServiceQuotaResponse,
  GetServiceQuotaRequest,
  GetServiceQuotaResponse,
} from "@aws-sdk/client-service-quotas";
import type { Quotas } from "../account-settings.ts";
import { type Action, type Call, serviceQuotasAction } from "../call.ts";
import { ApiError } from "../protocol/api-error.ts";

interface KnownQuota {
  readonly name: string;
  readonly adjustable: boolean;
  /** AWS's, for an account that has asked for no more. */
  readonly usual: number;
  /** What the account's own actions are held against. */
  readonly applied: (quotas: Quotas) => number;
}

const SERVICE_NAMES: Readonly<Record<string, string>> = {
  ec2: "Amazon Elastic Compute Cloud (Amazon EC2)",
  ebs: "Amazon Elastic Block Store (Amazon EBS)",
  vpc: "Amazon Virtual Private Cloud (Amazon VPC)",
};

function storageOf(label: string, usual: number): KnownQuota {
  const applied = ({ volumeGib }: Quotas) => volumeGib / 1024;
  return { name: `Storage for ${label} volumes, in TiB`, adjustable: true, usual, applied };
}

/**
 * By `<service>/<code>`. Names, defaults and whether they are raised: the tables of [UG
 * ec2-resource-limits], [EBSUG ebs-resource-quotas] and the VPC user guide; the codes as those link
 * them to the console.
 */
const QUOTAS: Readonly<Record<string, KnownQuota>> = {
  "ec2/L-1216C47A": {
    name: "Running On-Demand Standard (A, C, D, H, I, M, R, T, Z) instances",
    adjustable: true,
    usual: 5,
    applied: ({ vcpus }) => vcpus,
  },
  "ec2/L-0E3CBAB9": {
    name: "Public AMIs",
    adjustable: true,
    usual: 5,
    applied: ({ publicImages }) => publicImages,
  },
  "ebs/L-7A658B76": storageOf("General Purpose SSD (gp3)", 50),
  "ebs/L-D18FCD1D": storageOf("General Purpose SSD (gp2)", 50),
  "ebs/L-FD252861": storageOf("Provisioned IOPS SSD (io1)", 50),
  "ebs/L-09BD8365": storageOf("Provisioned IOPS SSD (io2)", 20),
  "ebs/L-82ACEF56": storageOf("Throughput Optimized HDD (st1)", 50),
  "ebs/L-17AF77E8": storageOf("Cold HDD (sc1)", 50),
  "ebs/L-9CF3C2EB": storageOf("Magnetic (standard)", 50),
  "ebs/L-309BACF6": {
    name: "Snapshots per Region",
    adjustable: true,
    usual: 100_000,
    applied: ({ snapshots }) => snapshots,
  },
  "ebs/L-94D7AB7D": {
    name: "Pending snapshots per account",
    adjustable: false,
    usual: 100,
    applied: ({ pendingSnapshots }) => pendingSnapshots,
  },
  "vpc/L-E79EC296": {
    name: "VPC security groups per Region",
    adjustable: true,
    usual: 2500,
    applied: ({ securityGroups }) => securityGroups,
  },
};

export const SERVICE_QUOTAS_ACTIONS: readonly Action[] = [
  serviceQuotasAction<GetServiceQuotaRequest, GetServiceQuotaResponse>(
    "GetServiceQuota",
    ["ServiceCode", "QuotaCode"],
    (input, call) => ({
      Quota: {
        ...describeQuota(input, call, ({ applied }) => applied(call.store.settings.quotas)),
        QuotaAppliedAtLevel: "ACCOUNT",
      },
    }),
  ),
  serviceQuotasAction<GetAWSDefaultServiceQuotaRequest, GetAWSDefaultServiceQuotaResponse>(
    "GetAWSDefaultServiceQuota",
    ["ServiceCode", "QuotaCode"],
    (input, call) => ({ Quota: describeQuota(input, call, ({ usual }) => usual) }),
  ),
];

/** @throws ApiError `NoSuchResourceException`, in the words that hashicorp/terraform-provider-aws#10929 shows. */
function describeQuota(
  input: GetServiceQuotaRequest,
  call: Call,
  amountOf: (quota: KnownQuota) => number,
) {
  const { ServiceCode: service = "", QuotaCode: code = "" } = input;
  const id = `${service}/${code}`;
  const quota = Object.hasOwn(QUOTAS, id) ? QUOTAS[id] : undefined;
  if (quota === undefined) {
    const what = Object.hasOwn(SERVICE_NAMES, service) ? "quota" : "service";
    throw new ApiError(
      "NoSuchResourceException",
      `The request failed because the specified ${what} does not exist.`,
    );
  }
  const { account, region } = call;
  return {
    ServiceCode: service,
    ServiceName: SERVICE_NAMES[service] ?? service,
    QuotaArn: `arn:${account.partition}:servicequotas:${region.name}:${account.id}:${id}`,
    QuotaCode: code,
    QuotaName: quota.name,
    Value: amountOf(quota),
    Unit: "None",
    Adjustable: quota.adjustable,
    GlobalQuota: false,
  };
}
