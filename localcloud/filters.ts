/**
 * Filters of describe calls: every filter must match, by any of its values; `*` and `?` are
 * wildcards. Which names exist is a table per kind of thing; `tag:KEY` and `tag-key` exist for all.
 */

import type { Filter } from "@aws-sdk/client-ec2";
import { ApiError, invalidValue } from "./protocol/api-error.ts";
import type { Tagged } from "./records/tagged.ts";

type FilterValue = string | number | boolean | Date | undefined;

/** What a filter of this name looks at. */
export type FilterTable<Thing> = Readonly<
  Record<string, (thing: Thing) => FilterValue | readonly FilterValue[]>
>;

/** [SDK DescribeImages and others]: at most 200 values in a call. */
const VALUES_MAX_COUNT = 200;

/** @throws ApiError `InvalidParameterValue` for a filter that does not exist. */
export function applyFilters<Thing extends Tagged>(
  things: readonly Thing[],
  filters: readonly Filter[] | undefined,
  table: FilterTable<Thing>,
): Thing[] {
  return applyPlainFilters(things, filters, table, (thing) => thing.tags);
}

/** For things that have no tags (zones, instance types). */
export function applyPlainFilters<Thing>(
  things: readonly Thing[],
  filters: readonly Filter[] | undefined,
  table: FilterTable<Thing>,
  tagsOf?: (thing: Thing) => ReadonlyMap<string, string>,
): Thing[] {
  const tests = (filters ?? []).map((filter) => makeTest(filter, table, tagsOf));
  const valueCount = (filters ?? []).reduce((sum, one) => sum + (one.Values?.length ?? 0), 0);
  if (valueCount > VALUES_MAX_COUNT) {
    throw new ApiError(
      "FilterLimitExceeded",
      `The maximum number of filter values is ${VALUES_MAX_COUNT}.`,
    );
  }
  return things.filter((thing) => tests.every((test) => test(thing)));
}

function makeTest<Thing>(
  filter: Filter,
  table: FilterTable<Thing>,
  tagsOf: ((thing: Thing) => ReadonlyMap<string, string>) | undefined,
): (thing: Thing) => boolean {
  const name = filter.Name;
  if (name === undefined || name === "") throw invalidValue("The filter has no name.");
  const patterns = (filter.Values ?? []).map(wildcard);
  if (patterns.length === 0) {
    throw invalidValue(`The filter '${name}' has no values.`);
  }
  const matches = (value: string) => patterns.some((pattern) => pattern(value));
  if (tagsOf !== undefined && name.startsWith("tag:")) {
    const key = name.slice("tag:".length);
    return (thing) => {
      const value = tagsOf(thing).get(key);
      return value !== undefined && matches(value);
    };
  }
  if (tagsOf !== undefined && name === "tag-key") {
    return (thing) => [...tagsOf(thing).keys()].some(matches);
  }
  const read = Object.hasOwn(table, name) ? table[name] : undefined;
  if (read === undefined) throw invalidValue(`The filter '${name}' is invalid`);
  return (thing) => {
    const value = read(thing);
    const values = Array.isArray(value) ? value : [value];
    return values.some((one: FilterValue) => one !== undefined && matches(filterText(one)));
  };
}

function filterText(value: Exclude<FilterValue, undefined>): string {
  return value instanceof Date ? value.toISOString() : String(value);
}

/**
 * `*` any text, `?` any one character, `\` takes the next literally. Two pointers instead of a
 * regular expression: `*a*a*a*b` from outside must not take exponential time.
 */
export function wildcard(pattern: string): (text: string) => boolean {
  const parts = (pattern.match(/\\[\s\S]|[\s\S]/g) ?? []).map((part) =>
    part.length > 1
      ? { literal: part.slice(1) }
      : part === "*" || part === "?"
        ? part
        : { literal: part },
  );
  return (text) => {
    let at = 0;
    let part = 0;
    let starPart = -1;
    let starAt = 0;
    while (at < text.length) {
      const wanted = parts[part];
      if (wanted === "*") {
        starPart = part;
        starAt = at;
        part += 1;
      } else if (wanted === "?" || (wanted !== undefined && wanted.literal === text[at])) {
        part += 1;
        at += 1;
      } else if (starPart >= 0) {
        starAt += 1;
        at = starAt;
        part = starPart + 1;
      } else {
        return false;
      }
    }
    return parts.slice(part).every((rest) => rest === "*");
  };
}
