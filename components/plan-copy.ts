/** What a copy would take and what stands in its way, for a program that asks before it declares one. */

import type { CopyPlan, CopyPlanArgs } from "../dynamic-providers/plan-copy.ts";

export type { CopyPlan, CopyPlanArgs };

/**
 * Looks at both sides as `pulumi up` would, changes nothing, and tells: all problems, what of the
 * source cannot be kept, GiB to read and to send, helper-hours, the time and what bounds it.
 *
 * ```ts
 * const plan = await planCopy({ sourceAmiId, source, destination });
 * if (plan.problems.length > 0) console.log(plan.problems);
 * ```
 */
export async function planCopy(args: CopyPlanArgs): Promise<CopyPlan> {
  // The SDK is loaded by who asks for a plan, not by everybody who declares a copy.
  const plan = await import("../dynamic-providers/plan-copy.ts");
  return plan.planCopy(args);
}
