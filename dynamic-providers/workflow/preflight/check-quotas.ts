/**
 * Will the copy fit into the account's quotas? The limits are Service Quotas', what is in use is
 * counted by EC2's describes: vCPUs, storage of each type of volume, public images. Not asked, since
 * they are waited for or would take a page for each thousand things: snapshots in progress, snapshots
 * and images of a region. Who may not ask, or has no Service Quotas, is not stopped by that.
 */

import { isCloudError } from "../../ec2/cloud-error.ts";
import type { Ec2 } from "../../ec2/ec2.ts";
import type { PlaceNeeds } from "../quota-needs.ts";
import {
  formatQuota,
  isStandard,
  PUBLIC_IMAGES,
  type Quota,
  STANDARD_VCPUS,
  STORAGE,
} from "../quotas.ts";
import type { Problem } from "./problem.ts";

export interface QuotaCheck {
  readonly problems: readonly Problem[];
  /** Which questions had no answer, and why; at most one sentence. */
  readonly notAsked: readonly string[];
}

/** One quota, and what the copy takes of it. */
interface Question {
  readonly quota: Quota;
  readonly needed: number;
  readonly unit: "vCPUs" | "GiB" | "public images";
  /** Units of the copy in one of Service Quotas'. */
  readonly scale: number;
  readonly inUse: () => Promise<number>;
  readonly property: string;
  readonly hint: string;
}

export async function checkQuotas(needs: PlaceNeeds, cloud: Ec2): Promise<QuotaCheck> {
  const asked = await Promise.all(
    questionsOf(needs, cloud).map((question) => ask(question, cloud)),
  );
  const problems = asked.flatMap((answer) => (typeof answer === "object" ? answer : []));
  const [reason] = asked.filter((answer) => typeof answer === "string");
  const notAsked =
    reason === undefined ? [] : [`quotas in ${cloud.region} could not be asked: ${reason}`];
  return { problems, notAsked };
}

function questionsOf({ side, phases, publicImages }: PlaceNeeds, cloud: Ec2): Question[] {
  const types = new Set(phases.flatMap(({ storageGib }) => Object.keys(storageGib)));
  const storage = [...types].flatMap((type): Question[] => {
    const quota = STORAGE[type];
    if (quota === undefined) return [];
    return [
      {
        quota,
        needed: Math.max(...phases.map(({ storageGib }) => storageGib[type] ?? 0)),
        unit: "GiB",
        scale: 1024,
        inUse: () => cloud.storageInUseGib(type),
        property: side,
        hint: "delete volumes of that type",
      },
    ];
  });
  const others: Question[] = [
    {
      quota: STANDARD_VCPUS,
      needed: Math.max(...phases.map(({ vcpus }) => vcpus)),
      unit: "vCPUs",
      scale: 1,
      inUse: () => vcpusInUse(cloud),
      property: `helper.${side}.instanceType`,
      hint: "end instances, or let the helpers run on a smaller type",
    },
    {
      quota: PUBLIC_IMAGES,
      needed: publicImages,
      unit: "public images",
      scale: 1,
      inUse: () => cloud.publicImageCount(),
      property: "copyLaunchPermissions",
      hint: "make others private, or leave out copyLaunchPermissions",
    },
  ];
  return [...others, ...storage].filter(({ needed }) => needed > 0);
}

async function vcpusInUse(cloud: Ec2): Promise<number> {
  return (await cloud.runningInstances())
    .filter(({ instanceType, isOnDemand }) => isOnDemand && isStandard(instanceType))
    .reduce((sum, { vcpus }) => sum + vcpus, 0);
}

/** @returns What is wrong, or in words why that cannot be told; `undefined`: it fits. */
async function ask(question: Question, cloud: Ec2): Promise<Problem | string | undefined> {
  const { quota, needed, unit, scale, property, hint } = question;
  try {
    const value = await cloud.serviceQuota(quota.service, quota.code);
    if (value === undefined) return `Service Quotas does not know ${formatQuota(quota)} there`;
    const limit = value * scale;
    const inUse = await question.inUse();
    if (inUse + needed <= limit) return undefined;
    return {
      property,
      message:
        `The quota "${quota.name}" (${quota.service}, ${quota.code}) in ${cloud.region} is ` +
        `${limit} ${unit}, ${inUse} are in use, and the copy needs ${needed} more at least.`,
      hint: `Request an increase in Service Quotas for this account and region, ${hint}.`,
    };
  } catch (error) {
    if (!isCloudError(error)) throw error;
    return reasonFor(error.operation, error.code, error.kind === "denied");
  }
}

function reasonFor(operation: string, code: string, isDenied: boolean): string {
  const service = /Quota$/.test(operation) ? "servicequotas" : "ec2";
  const advice = isDenied ? `; allow ${service}:${operation}, as in docs/iam` : "";
  return `${operation} says ${code}${advice}`;
}
