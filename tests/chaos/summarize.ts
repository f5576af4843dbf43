/** What a sweep has found, a line for each kind of trouble. */

import type { TriedCase } from "./sweep.ts";

export function summarize(tried: readonly TriedCase[]): string[] {
  const byKind = Map.groupBy(tried, ({ life, kind }) => `${life}: ${kind}`);
  const rows = [...byKind].sort(([a], [b]) => a.localeCompare(b));
  return rows.map(([name, cases]) => {
    const count = (is: (one: TriedCase) => boolean) => cases.filter(is).length;
    const longestMs = Math.max(...cases.map(({ durationMs }) => durationMs));
    return [
      `${name}: ${cases.length} cases`,
      `${count(({ happened }) => !happened)} did not come about`,
      `${count(({ ended }) => ended === "well")} went on by themselves`,
      `${count(({ ended }) => ended === "failed")} said why`,
      `${count(({ ended }) => ended === "lost")} were killed`,
      `${count(({ broken }) => broken.length > 0)} broke the rule`,
      `longest ${(longestMs / 1000).toFixed(1)} s`,
    ].join(", ");
  });
}
