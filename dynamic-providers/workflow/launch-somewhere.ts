/** One instance, in the first zone and of the first type that has room. */

import { type CloudError, isCloudError } from "../ec2/cloud-error.ts";
import type { Ec2 } from "../ec2/ec2.ts";
import type { Instance, LaunchRequest } from "../ec2/instance.ts";
import type { HelperChoice } from "./choose-helper.ts";
import { CopyError } from "./copy-error.ts";
import type { ProgressRow } from "./copy-request.ts";
import { quotaAdvice } from "./quota-advice.ts";
import { repeatWithToken } from "./repeat-with-token.ts";
import type { Run } from "./run.ts";

export interface LaunchPlan {
  /** File name of the step that launches. */
  readonly step: string;
  /** `source helper`, `licence donor` */
  readonly what: string;
  readonly row: ProgressRow;
  readonly cloud: Ec2;
  readonly choices: readonly HelperChoice[];
  /** The same for the same index, token and all. */
  readonly requestFor: (choice: HelperChoice, index: number) => LaunchRequest;
  /** What to do when there is no room anywhere. */
  readonly hint: string;
}

/** @throws CopyError `no-capacity` when no zone and type has room. */
export async function launchSomewhere(
  run: Run,
  plan: LaunchPlan,
): Promise<{ readonly instance: Instance; readonly choice: HelperChoice }> {
  const full: Full[] = [];
  let quota: CloudError | undefined;
  for (const [index, choice] of plan.choices.entries()) {
    const { instanceType, subnet } = choice;
    const zone = subnet.availabilityZone;
    run.report(plan.row, `launching ${instanceType} in ${zone}`);
    try {
      const request = plan.requestFor(choice, index);
      const create = () => plan.cloud.runInstance(request);
      return { instance: await repeatWithToken(run, create), choice };
    } catch (error) {
      // Of vCPUs a smaller type needs less; of anything else all types need the same.
      const needsLess = isCloudError(error, "quota") && error.code === "VcpuLimitExceeded";
      if (!isCloudError(error, "capacity") && !needsLess) throw error;
      if (needsLess) quota = error;
      full.push({ instanceType, zone, code: error.code });
    }
  }
  throw new CopyError(`no room for the ${plan.what}: tried ${listFull(full)}`, {
    code: "no-capacity",
    step: plan.step,
    hint: quota === undefined ? plan.hint : quotaAdvice(quota.code),
    cause: quota,
  });
}

/** A type that a zone has no room for, and the code that said so. */
interface Full {
  readonly instanceType: string;
  readonly zone: string;
  readonly code: string;
}

/**
 * Fifteen types in four zones would be a page; most are refused in the same zones for the same reason:
 * `a.large, b.large in z1, z2 (CodeX), c.large in z2 (CodeX)`.
 */
function listFull(full: readonly Full[]): string {
  const byType = Map.groupBy(full, ({ instanceType, code }) => `${instanceType} ${code}`);
  const types = [...byType.values()].map((refused) => {
    const [{ instanceType = "", code = "" } = {}] = refused;
    return { instanceType, where: `${refused.map(({ zone }) => zone).join(", ")} (${code})` };
  });
  const byPlace = Map.groupBy(types, ({ where }) => where);
  return [...byPlace]
    .map(([where, those]) => `${those.map((one) => one.instanceType).join(", ")} in ${where}`)
    .join(", ");
}
