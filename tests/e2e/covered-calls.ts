/** The calls of an end-to-end test against the policies that we publish. */

import { readFileSync } from "node:fs";
import { join } from "node:path";
import type { CallRecord } from "../../localcloud/call-log.ts";
import { isAllowed, type Policy, questionsOf } from "../../tools/iam-policies.ts";

const policyOf = (side: string): Policy =>
  JSON.parse(readFileSync(join(import.meta.dirname, `../../docs/iam/${side}.json`), "utf8"));
const POLICIES = [policyOf("source"), policyOf("destination")];

/** Whoever may assume a role has that right besides: `docs/security.md`. */
const BESIDES = ["AssumeRole"];

/**
 * @param byHand - Actions that the test itself has asked for with an SDK of its own.
 * @returns What IAM would ask before a call, and neither side's policy allows.
 */
export function uncoveredCalls(
  calls: readonly CallRecord[],
  byHand: ReadonlySet<string>,
): string[] {
  const questions = calls
    .filter(({ action }) => !byHand.has(action) && !BESIDES.includes(action))
    .flatMap(questionsOf)
    .filter((question) => !POLICIES.some((policy) => isAllowed(policy, question)));
  return [...new Set(questions.map((question) => JSON.stringify(question)))];
}
