/** A sweep's plan as a person reads it. Only ids, states and words of ours: no tag's free text. */

import { printableLine } from "../dynamic-providers/printable.ts";
import type { PlannedThing, SweepPlan } from "../dynamic-providers/workflow/plan-sweep.ts";

/** Runs and their things, one a line, with what is done to each and why. */
export function formatPlan({ runs, strangers }: SweepPlan): string {
  const blocks = runs.map(({ runId, end, why, things }) =>
    [
      printableLine(`run ${runId}: ${end ? "to end" : "kept"}; ${why}`),
      ...things.map(formatThing),
    ].join("\n"),
  );
  if (strangers.length > 0) {
    blocks.push(["not amicopy's: kept", ...strangers.map(formatThing)].join("\n"));
  }
  return blocks.map((block) => `${block}\n`).join("\n");
}

function formatThing({ kind, id, state, what, end, why }: PlannedThing): string {
  const facts = [state, what].filter((text) => text !== "").join(", ");
  const cells = [end ? "end " : "keep", kind.padEnd(14), id.padEnd(22), facts];
  return printableLine(`  ${cells.join("  ").trimEnd()}${why === "" ? "" : `  (${why})`}`);
}

/** `3 things`, `1 thing`. */
export function countThings(count: number): string {
  return count === 1 ? "1 thing" : `${count} things`;
}
