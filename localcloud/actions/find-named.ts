/** Things named by ids in a describe call, or all. */

import { checkId, type IdPrefix, notFound } from "../ids.ts";
import type { Tagged } from "../records/tagged.ts";

/** @throws ApiError `…Malformed`, `…NotFound`. */
export function findNamed<Thing extends Tagged>(
  prefix: IdPrefix,
  things: readonly Thing[],
  ids: readonly string[] | undefined,
): readonly Thing[] {
  if (ids === undefined || ids.length === 0) return things;
  for (const id of ids) checkId(prefix, id);
  const missing = ids.find((id) => !things.some((one) => one.id === id));
  if (missing !== undefined) throw notFound(prefix, missing);
  return things.filter((one) => ids.includes(one.id));
}

/** One thing of a map, by its id. */
export function findOne<Thing extends Tagged>(
  prefix: IdPrefix,
  things: ReadonlyMap<string, Thing>,
  id = "",
): Thing {
  checkId(prefix, id);
  const found = things.get(id);
  if (found === undefined) throw notFound(prefix, id);
  return found;
}
