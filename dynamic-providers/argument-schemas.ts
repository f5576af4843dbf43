/** What the schemas of all arguments are made of: each says in a sentence what it wants. */

import * as v from "valibot";
import { UNKNOWN_VALUE } from "./unknown-value.ts";

/** A schema that lets an unknown value, or a null as Pulumi sends for an absent one, pass. */
export function known<const S extends v.GenericSchema>(schema: S) {
  return v.lazy((value) => (value === UNKNOWN_VALUE ? v.unknown() : schema));
}

export function optional<const S extends v.GenericSchema>(schema: S) {
  return v.pipe(
    v.nullish(known(schema)),
    v.transform((value) => value ?? undefined),
  );
}

/** Text of a form. `what` completes the sentence "<path>: must be …, not …". */
export function text(pattern: RegExp, what: string, given: "shown" | "hidden" = "shown") {
  const message = (issue: v.BaseIssue<unknown>) =>
    given === "shown" ? `must be ${what}, not ${issue.received}` : `must be ${what}`;
  return v.pipe(v.string(message), v.regex(pattern, message));
}

export function wholeNumber(min: number, max: number, unit: string) {
  const message = (issue: v.BaseIssue<unknown>) =>
    `must be a whole number of ${unit} from ${min} to ${max}, not ${issue.received}`;
  return v.pipe(
    v.number(message),
    v.check((value) => Number.isInteger(value) && value >= min && value <= max, message),
  );
}

export const flag = v.boolean((issue) => `must be true or false, not ${issue.received}`);

export const amiId = text(
  /^ami-(?:[0-9a-f]{8}|[0-9a-f]{17})$/,
  'the id of an image ("ami-" and 8 or 17 hex digits)',
);

export const accountId = text(/^\d{12}$/, "an account id (12 digits)");
