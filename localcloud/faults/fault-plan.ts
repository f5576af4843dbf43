/**
 * The fault file: what a localcloud is to do wrong, where and when. One small JSON document:
 *
 *   { "seed": 7, "faults": [ { "fault": "error", "action": "CreateSnapshot", "nth": 2, "code": "InternalError" } ] }
 *
 * docs/localcloud-faults.md has all the kinds of faults.
 */

import * as v from "valibot";
import { rule } from "./fault-rule.ts";
import { whole } from "./rule-values.ts";

/** Ours. More rules than anybody can follow; each is looked at with every call. */
const RULES_MAX = 100;

const plan = v.strictObject(
  {
    seed: v.optional(whole(0, 0xffff_ffff), 0),
    faults: v.pipe(
      v.array(rule, "must be a list of faults"),
      v.maxLength(RULES_MAX, `must have at most ${RULES_MAX} faults`),
    ),
  },
  "must be an object",
);

export type FaultPlan = v.InferOutput<typeof plan>;
/** As a person writes it: defaults may be left out. */
export type FaultPlanInput = v.InferInput<typeof plan>;

export const NO_FAULTS: FaultPlan = { seed: 0, faults: [] };

/** A document that is no fault plan; the message names every place and what may be there. */
export class FaultPlanError extends Error {
  override readonly name = "FaultPlanError";
}

/** @throws FaultPlanError */
export function checkFaultPlan(given: unknown): FaultPlan {
  const result = v.safeParse(plan, given);
  if (result.success) return result.output;
  const lines = result.issues.map(sentenceOf);
  throw new FaultPlanError(`the faults are not valid: ${lines.join("; ")}`);
}

/** @throws FaultPlanError */
export function parseFaultPlan(json: string): FaultPlan {
  let given: unknown;
  try {
    given = JSON.parse(json);
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    throw new FaultPlanError(`the faults are not valid: this is no JSON: ${why}`, { cause: error });
  }
  return checkFaultPlan(given);
}

function sentenceOf(issue: v.BaseIssue<unknown>): string {
  const path = (v.getDotPath(issue) ?? "").replace(/\.(\d+)(?=\.|$)/g, "[$1]");
  const where = path === "" ? "the document" : path;
  if (issue.type !== "strict_object") return `${where} ${issue.message}`;
  // An unknown key has no schema; a missing one has.
  if (issue.expected === "never") return `${where} is not known here${allowedHere(issue)}`;
  if (issue.received === "undefined") return `${where} is missing`;
  return `${where} must be an object`;
}

/** What else could stand there, by the kind of the fault. */
function allowedHere(issue: v.BaseIssue<unknown>): string {
  const owner = issue.path?.at(-1);
  const input = owner !== undefined && "input" in owner ? Object(owner.input) : {};
  const option = rule.options.find(
    (one) => one.entries.fault.literal === (input as { fault?: unknown }).fault,
  );
  const names = Object.keys(option?.entries ?? plan.entries);
  return `: allowed are ${names.join(", ")}`;
}
