/**
 * Which rules a call or a launch meets: pure, no clock, no effect. A rule counts what matches it by
 * itself, and draws its chances from its own sequence, so the same seed and the same calls give the
 * same faults, whatever the rules at other places of the plan are.
 */

import type { Service } from "../protocol/operations.ts";
import { seededRandom } from "../seeded-random.ts";
import type { FaultPlan } from "./fault-plan.ts";
import type { FaultRule } from "./fault-rule.ts";

/** A call, or an instance that is launched, in the words of the rules. */
export interface Happening {
  readonly service: Service;
  readonly action: string;
  readonly accountId: string;
  /** Of the account, e.g. `aws-us-gov-1`. */
  readonly profile: string;
  readonly region: string;
  readonly instanceType?: string | undefined;
  readonly zone?: string | undefined;
  readonly dryRun?: boolean;
}

/** The accounts whose keys a localcloud gives out as those of the two sides. */
const PROFILE_OF_SIDE = { source: "aws-1", destination: "aws-us-gov-1" } as const;

/** Whether a happening is what a rule is about; how often is not asked here. */
export function concerns(rule: FaultRule, happening: Happening): boolean {
  if (rule.account !== undefined) {
    if (![happening.accountId, happening.profile].includes(rule.account)) return false;
  }
  if (rule.side !== undefined && happening.profile !== PROFILE_OF_SIDE[rule.side]) return false;
  if (rule.region !== undefined && rule.region !== happening.region) return false;
  if ("service" in rule && rule.service !== undefined && rule.service !== happening.service) {
    return false;
  }
  if ("action" in rule && rule.action !== undefined) {
    const patterns = typeof rule.action === "string" ? [rule.action] : rule.action;
    if (!patterns.some((pattern) => isLike(happening.action, pattern))) return false;
  }
  if ("instanceType" in rule && rule.instanceType !== undefined) {
    if (rule.instanceType !== happening.instanceType) return false;
  }
  return !("zone" in rule) || rule.zone === undefined || rule.zone === happening.zone;
}

function isLike(name: string, pattern: string): boolean {
  return pattern.endsWith("*") ? name.startsWith(pattern.slice(0, -1)) : name === pattern;
}

/** A rule of a plan with what it has met so far. */
export class RuleMatcher<One extends FaultRule = FaultRule> {
  readonly rule: One;
  /** Its place in the plan, from 0. */
  readonly index: number;
  readonly #random: () => number;
  #met = 0;
  #fired = 0;

  constructor(rule: One, index: number, seed: number) {
    this.rule = rule;
    this.index = index;
    this.#random = seededRandom(`${seed}/${index}`);
  }

  /** Counts it when it is what the rule is about. @returns Whether the fault happens now. */
  meets(happening: Happening): boolean {
    if (!concerns(this.rule, happening)) return false;
    this.#met += 1;
    const { skip = 0, ...rule } = { ...(this.rule as Occurrence) };
    // Drawn every time, so that other limits do not move the sequence.
    const drawn = this.#random() < (rule.probability ?? 1);
    if (this.#met <= skip) return false;
    if (rule.nth !== undefined && this.#met - skip !== rule.nth) return false;
    if (this.#fired >= (rule.times ?? Number.POSITIVE_INFINITY)) return false;
    if (drawn) this.#fired += 1;
    return drawn;
  }
}

interface Occurrence {
  readonly nth?: number | undefined;
  readonly skip?: number | undefined;
  readonly times?: number | undefined;
  readonly probability?: number | undefined;
}

/** The rules of one kind, in their order. */
export function matchersOf<Kind extends FaultRule["fault"]>(
  plan: FaultPlan,
  ...kinds: readonly Kind[]
): RuleMatcher<Extract<FaultRule, { fault: Kind }>>[] {
  return plan.faults.flatMap((rule, index) =>
    isOf(rule, kinds) ? [new RuleMatcher(rule, index, plan.seed)] : [],
  );
}

function isOf<Kind extends FaultRule["fault"]>(
  rule: FaultRule,
  kinds: readonly Kind[],
): rule is Extract<FaultRule, { fault: Kind }> {
  return kinds.some((kind) => kind === rule.fault);
}
