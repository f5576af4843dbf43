/** Is there a place, an image and a type for this side's helper, and do all volumes fit on it? Pure. */

import type { FoundHelper, NoChoice } from "../choose-helper.ts";
import type { CopyRequest } from "../copy-request.ts";
import type { Problem } from "./problem.ts";

/** @param found - Absent: the side could not be entered, which is a problem of its own. */
export function checkHelper(
  side: "source" | "destination",
  request: CopyRequest,
  found: FoundHelper | undefined,
): Problem[] {
  if (found === undefined || "choices" in found) return [];
  return found.none.map((none) => toProblem(side, request, none));
}

function toProblem(
  side: "source" | "destination",
  request: CopyRequest,
  { wish, message, hint }: NoChoice,
): Problem {
  const text = `${message.charAt(0).toUpperCase()}${message.slice(1)}.`;
  if (wish !== "volumes") return { property: `helper.${side}.${wish}`, message: text, hint };
  // Without a wish for a type it is the image that has too many.
  const hasWish = request.helper[side].instanceType !== undefined;
  const property = hasWish ? `helper.${side}.instanceType` : "sourceAmiId";
  const sentence = hasWish ? text : `${request.sourceAmiId}: ${message}.`;
  return { property, message: sentence, hint };
}
