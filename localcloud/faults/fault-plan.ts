/**
 * The fault file: what a localcloud is to do wrong, where and when. One small JSON document:
 *
 *   { "seed": 7, "faults": [ { "fault": "error", "action": "CreateSnapshot", "nth": 2, "code": "InternalError" } ] }
 *
 * Each rule names a kind of fault, what it concerns (`action`, `account`, `region`, `side`, …) and
 * which of those (`nth`, `skip`, `times`, `probability`). docs/localcloud-faults.md has them all.
 */

import * as v from "valibot";
import { SERVICES } from "../protocol/operations.ts";

/** Ours. More rules than anybody can follow; each is looked at with every call. */
const RULES_MAX = 100;
/** Ours. A fault longer than a day outlives every test. */
const MS_MAX = 24 * 60 * 60_000;

function whole(least: number, most: number) {
  const message = (issue: v.BaseIssue<unknown>) =>
    `must be a whole number from ${least} to ${most}, not ${issue.received}`;
  return v.pipe(
    v.number(message),
    v.integer(message),
    v.minValue(least, message),
    v.maxValue(most, message),
  );
}

function text(pattern: RegExp, what: string) {
  const message = (issue: v.BaseIssue<unknown>) => `must be ${what}, not ${issue.received}`;
  return v.pipe(v.string(message), v.regex(pattern, message));
}

function oneOf<const Names extends readonly [string, ...string[]]>(names: Names) {
  return v.picklist(
    names,
    (issue) => `must be one of ${names.join(", ")}, not ${String(issue.received)}`,
  );
}

const flag = v.boolean((issue) => `must be true or false, not ${issue.received}`);
const ms = whole(0, MS_MAX);
const count = whole(1, 1_000_000_000);
const code = text(/^[A-Za-z][\w.]{1,79}$/, "an error code of AWS, like InternalError");
const sentence = text(/^[^\0]{1,1000}$/, "a text of at most 1000 characters");

const actionName = text(
  /^(\*|[A-Z][A-Za-z]{1,60}\*?)$/,
  "an action, like RunInstances or Describe*",
);
const action = v.union(
  [actionName, v.array(actionName)],
  "must be an action, like RunInstances or Describe*, or a list of them",
);

/** Whose calls and instances; absent: everybody's. `side` is short for the demo's two accounts. */
const place = {
  account: v.optional(
    text(/^(\d{12}|aws(-us-gov|-cn)?-[12])$/, "an account's id or profile, like aws-us-gov-1"),
  ),
  region: v.optional(text(/^[a-z]{2}(-[a-z]+)+-\d$/, "a region, like us-east-1")),
  side: v.optional(oneOf(["source", "destination"])),
};

/** Which of those that match; absent: every one. */
const occurrence = {
  nth: v.optional(count),
  skip: v.optional(whole(0, 1_000_000_000)),
  times: v.optional(count),
  probability: v.optional(
    v.pipe(
      v.number("must be a number from 0 to 1"),
      v.minValue(0, "must be a number from 0 to 1"),
      v.maxValue(1, "must be a number from 0 to 1"),
    ),
  ),
};

const calls = { service: v.optional(oneOf(SERVICES)), action: v.optional(action), ...place };
const launches = {
  ...place,
  ...occurrence,
  instanceType: v.optional(v.string()),
  zone: v.optional(v.string()),
};

/** When a launched instance is struck: after some time, or when its console shows a text. */
const when = v.optional(
  v.union(
    [v.strictObject({ afterMs: ms }), v.strictObject({ console: sentence })],
    'must be {"afterMs": MILLISECONDS} or {"console": "TEXT THAT IT SHOWS"}',
  ),
);

const device = v.optional(
  text(/^(\/dev\/)?[a-z][a-z0-9]{1,31}$/, "a device name of the launch, like /dev/sdf"),
);

export const LAGGING = ["instance", "volume", "snapshot", "image", "security-group"] as const;

const rule = v.variant(
  "fault",
  [
    v.strictObject({
      fault: v.literal("error"),
      ...calls,
      ...occurrence,
      code,
      message: v.optional(sentence),
      /** True: the action is done all the same, and then the error is answered. */
      done: v.optional(flag, false),
    }),
    v.strictObject({
      fault: v.literal("no-answer"),
      ...calls,
      ...occurrence,
      done: v.optional(flag, false),
      /** The connection is closed so long after. */
      afterMs: v.optional(ms, 0),
    }),
    v.strictObject({
      fault: v.literal("throttle"),
      ...calls,
      burst: whole(0, 100_000),
      perSecond: v.pipe(v.number(), v.minValue(0), v.maxValue(100_000)),
    }),
    v.strictObject({
      fault: v.literal("lag"),
      ...place,
      ...occurrence,
      of: v.optional(v.array(oneOf(LAGGING)), [...LAGGING]),
      forMs: v.optional(ms, 0),
      tagsForMs: v.optional(ms, 0),
      /** Whether only describes do not see a new thing, or nothing does. */
      seenBy: v.optional(oneOf(["describes", "all"]), "describes"),
    }),
    v.strictObject({
      fault: v.literal("capacity"),
      ...launches,
      code: v.optional(code, "InsufficientInstanceCapacity"),
    }),
    v.strictObject({
      fault: v.literal("credentials-expired"),
      ...place,
      skip: v.optional(whole(0, 1_000_000_000)),
      forMs: v.optional(ms),
    }),
    v.strictObject({
      fault: v.literal("instance"),
      ...launches,
      when,
      does: oneOf([
        "is-killed",
        "is-terminated",
        "is-stopped",
        "shuts-down",
        "hangs",
        "stays-pending",
        "never-boots",
        "fails-to-launch",
      ]),
      /** Of `fails-to-launch` and `is-killed`: the state reason. */
      code: v.optional(code),
      message: v.optional(sentence),
      /** Of `hangs`: it goes on after so long; absent: never. */
      forMs: v.optional(ms),
    }),
    v.strictObject({ fault: v.literal("console-lag"), ...launches, ms: whole(0, 10 * 60_000) }),
    v.strictObject({
      fault: v.literal("console-text"),
      ...launches,
      when,
      shows: v.optional(oneOf(["control-characters", "forged-lines", "megabytes", "line"]), "line"),
      line: v.optional(sentence),
    }),
    v.strictObject({
      fault: v.literal("disk"),
      ...launches,
      does: oneOf(["read-error", "write-error", "no-space", "root-full"]),
      device,
      /** Up to here it works. */
      fromByte: v.optional(whole(0, Number.MAX_SAFE_INTEGER), 0),
    }),
    v.strictObject({
      fault: v.literal("state"),
      ...place,
      ...occurrence,
      of: oneOf(["snapshot", "image", "volume"]),
      message: v.optional(sentence),
      afterMs: v.optional(ms, 100),
    }),
    v.strictObject({
      fault: v.literal("network"),
      ...launches,
      when,
      /** Absent: for good. */
      forMs: v.optional(ms),
    }),
  ],
  (issue) => `must name a kind of fault: ${KINDS.join(", ")}`.concat(notGiven(issue.received)),
);

export const KINDS = [
  "error",
  "no-answer",
  "throttle",
  "lag",
  "capacity",
  "credentials-expired",
  "instance",
  "console-lag",
  "console-text",
  "disk",
  "state",
  "network",
] as const;

function notGiven(received: string): string {
  return received === "undefined" ? "" : `, not ${received}`;
}

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
export type FaultRule = FaultPlan["faults"][number];
export type Rule<Kind extends FaultRule["fault"]> = Extract<FaultRule, { fault: Kind }>;

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
