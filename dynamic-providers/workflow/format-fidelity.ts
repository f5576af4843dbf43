/** What a copy has made of its source, for a terminal. */

import type { FidelityLine } from "./copy-request.ts";

/** A table for a terminal: what is not as the source, a line each, and what is, in one line. */
export function formatFidelity(lines: readonly FidelityLine[]): string {
  const others = lines.filter(({ outcome }) => outcome !== "kept");
  const keptNames = lines
    .filter(({ outcome }) => outcome === "kept")
    .map(({ attribute, reason }) =>
      reason === undefined ? attribute : `${attribute} (${reason})`,
    );
  const nameWidth = Math.max(4, ...others.map(({ attribute }) => attribute.length));
  const rows = others.map(({ attribute, outcome, source, copy, reason }) => {
    const isNothing = copy === "" && outcome === "lost";
    const values = isNothing ? shorten(source) : `${shorten(source)} → ${shorten(copy)}`;
    return `  ${outcome.padEnd(5)}  ${attribute.padEnd(nameWidth)}  ${values}  (${reason})`;
  });
  if (keptNames.length > 0) rows.push(`  kept   ${keptNames.join(", ")}`);
  return rows.join("\n");
}

function shorten(text: string): string {
  const shown = text === "" ? "nothing" : text;
  return shown.length > 60 ? `${shown.slice(0, 57)}…` : shown;
}
