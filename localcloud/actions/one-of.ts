/** A parameter that takes one of a few words. */

import { invalidValue } from "../protocol/api-error.ts";

/** @throws ApiError `InvalidParameterValue` for a word that the parameter does not take. */
export function oneOf<const Value extends string>(
  value: string,
  allowed: readonly Value[],
  name: string,
): Value {
  const found = allowed.find((one) => one === value);
  if (found === undefined) throw invalidValue(`Value (${value}) for parameter ${name} is invalid.`);
  return found;
}

/** The same of one that may be left out. */
export function checkOneOf(
  value: string | undefined,
  allowed: readonly string[],
  name: string,
): void {
  if (value !== undefined) oneOf(value, allowed, name);
}
