/**
 * A rule of the fault file: a kind of fault, what it concerns (`action`, `account`, `region`, `side`,
 * …) and which of those (`nth`, `skip`, `times`, `probability`).
 */

import * as v from "valibot";
import { SERVICES } from "../protocol/operations.ts";
import { code, count, flag, ms, oneOf, sentence, text, whole } from "./rule-values.ts";

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

export const rule = v.variant(
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

export type FaultRule = v.InferOutput<typeof rule>;
export type Rule<Kind extends FaultRule["fault"]> = Extract<FaultRule, { fault: Kind }>;
