/** Whether this computer, and this cloud, can do what a plan asks for: told before, not in the middle. */

import { obstacleTo } from "./disk.ts";
import { type FaultPlan, FaultPlanError } from "./fault-plan.ts";

export interface CloudAbilities {
  readonly canCutNetwork: boolean;
  /** Machines are in namespaces. */
  readonly isIsolated: boolean;
}

/** @throws FaultPlanError naming each fault that cannot be done, and what it needs. */
export function checkPossible(
  plan: FaultPlan,
  { canCutNetwork, isIsolated }: CloudAbilities,
): FaultPlan {
  const obstacles = plan.faults.flatMap((rule, index) => {
    if (rule.fault === "disk") {
      const obstacle = obstacleTo(rule, isIsolated);
      return obstacle === undefined ? [] : `faults[${index}] (${rule.does}) ${obstacle}`;
    }
    if (rule.fault === "network" && !canCutNetwork) {
      return `faults[${index}] (network) needs machines with networks of their own (isolation)`;
    }
    return [];
  });
  if (obstacles.length === 0) return plan;
  throw new FaultPlanError(`the faults are not possible here: ${obstacles.join("; ")}`);
}
