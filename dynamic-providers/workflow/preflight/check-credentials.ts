/** Will the credentials hold until the copy is done? Only of those that say when they end. Pure. */

import type { Problem } from "./problem.ts";

export interface CredentialsEnds {
  /** ISO 8601; absent: they renew themselves, or do not tell. */
  readonly source: string | undefined;
  readonly destination: string | undefined;
}

export function checkCredentials(
  ends: CredentialsEnds,
  estimatedSeconds: number | undefined,
  nowMs: number,
): Problem[] {
  if (estimatedSeconds === undefined) return [];
  return (["source", "destination"] as const).flatMap((side): Problem[] => {
    const end = ends[side];
    const leftMs = end === undefined ? Number.POSITIVE_INFINITY : Date.parse(end) - nowMs;
    if (leftMs >= estimatedSeconds * 1000 || Number.isNaN(leftMs)) return [];
    const minutes = (ms: number) => Math.max(0, Math.round(ms / 60_000));
    return [
      {
        property: side,
        message:
          `The credentials of this side end at ${end}, in ${minutes(leftMs)} minutes, and the copy ` +
          `is expected to take about ${minutes(estimatedSeconds * 1000)}.`,
        hint: "Give fresh ones, or a profile or role that renews itself.",
      },
    ];
  });
}
