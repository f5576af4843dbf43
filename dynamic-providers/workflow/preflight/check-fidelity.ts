/** With `strict`, is there anything that the copy could not have? Pure. */

import type { FidelityLine } from "../copy-request.ts";
import { losses } from "../fidelity-line.ts";
import type { Problem } from "./problem.ts";

export function checkFidelity(
  strict: boolean | undefined,
  lines: readonly FidelityLine[],
): Problem[] {
  if (strict !== true) return [];
  return losses(lines).map(({ attribute, source, reason }) => ({
    property: "strict",
    message: `The copy cannot have the source's ${attribute} (${source}): ${reason ?? ""}.`,
    hint: "Repair that, or leave out strict to copy without it.",
  }));
}
