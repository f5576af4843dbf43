/** What may stand in a field of the fault file; whatever else is refused by a sentence. */

import * as v from "valibot";

/** Ours. A fault longer than a day outlives every test. */
const MS_MAX = 24 * 60 * 60_000;

export function whole(least: number, most: number) {
  const message = (issue: v.BaseIssue<unknown>) =>
    `must be a whole number from ${least} to ${most}, not ${issue.received}`;
  return v.pipe(
    v.number(message),
    v.integer(message),
    v.minValue(least, message),
    v.maxValue(most, message),
  );
}

export function text(pattern: RegExp, what: string) {
  const message = (issue: v.BaseIssue<unknown>) => `must be ${what}, not ${issue.received}`;
  return v.pipe(v.string(message), v.regex(pattern, message));
}

export function oneOf<const Names extends readonly [string, ...string[]]>(names: Names) {
  return v.picklist(
    names,
    (issue) => `must be one of ${names.join(", ")}, not ${String(issue.received)}`,
  );
}

export const flag = v.boolean((issue) => `must be true or false, not ${issue.received}`);
export const ms = whole(0, MS_MAX);
export const count = whole(1, 1_000_000_000);
export const code = text(/^[A-Za-z][\w.]{1,79}$/, "an error code of AWS, like InternalError");
export const sentence = text(/^[^\0]{1,1000}$/, "a text of at most 1000 characters");
