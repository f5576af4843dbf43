/** The three outcomes of an attribute: as the source, other because it was asked for, or lost. */

import type { FidelityLine } from "./copy-request.ts";

export function kept(attribute: string, value: string): FidelityLine {
  return { attribute, outcome: "kept", source: value, copy: value };
}

export function asked(
  attribute: string,
  source: string,
  copy: string,
  argument: string,
): FidelityLine {
  return { attribute, outcome: "asked", source, copy, reason: `asked for with ${argument}` };
}

export function lost(attribute: string, source: string, reason: string, copy = ""): FidelityLine {
  return { attribute, outcome: "lost", source, copy, reason };
}

/** What a copy of this source cannot have; what was asked for is none of it. */
export function losses(lines: readonly FidelityLine[]): FidelityLine[] {
  return lines.filter(({ outcome }) => outcome === "lost");
}
