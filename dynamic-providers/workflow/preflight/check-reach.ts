/** Can the two helpers meet? Pure. */

import type { Reach } from "../find-reach.ts";
import { whyApart } from "../find-reach.ts";
import type { Problem } from "./problem.ts";

/** @param source - Absent: there is no place for it, which is a problem of its own. */
export function checkReach(source: Reach | undefined, destination: Reach | undefined): Problem[] {
  if (source === undefined || destination === undefined) return [];
  const apart = whyApart(source, destination);
  return apart === undefined ? [] : [apart];
}
