/** How soon a flow followed a change of its link. */

import type { Measurement } from "../measurement.ts";

/** Ours. Samples of 50 ms whose mean counts: one alone says more of the emulator than of the flow. */
const MEAN_OF_SAMPLES = 4;
/** Ours. A flow that fills so much of the new rate has followed it up. */
const FILLED_SHARE = 0.85;
/** The bound on a standing queue; a flow that is below it again has followed a step down. */
const QUEUE_MS = 30;

/** @returns Milliseconds from the step until the flow had settled; infinite if it never did. */
export function followedAfterMs(
  { timeline = [], rateSteps = [] }: Pick<Measurement, "timeline" | "rateSteps">,
  step: number,
): number {
  const [stepMs, rateMbit] = rateSteps[step] ?? [0, 0];
  const endMs = rateSteps[step + 1]?.[0] ?? Number.POSITIVE_INFINITY;
  const isUp = rateMbit > (rateSteps[step - 1]?.[1] ?? Number.POSITIVE_INFINITY);
  const after = timeline.filter(([ms]) => ms > stepMs && ms <= endMs);
  for (let end = MEAN_OF_SAMPLES; end <= after.length; end++) {
    const window = after.slice(end - MEAN_OF_SAMPLES, end);
    const mean = (column: 1 | 2): number =>
      window.reduce((sum, sample) => sum + sample[column], 0) / MEAN_OF_SAMPLES;
    if (isUp ? mean(1) >= FILLED_SHARE * rateMbit : mean(2) <= QUEUE_MS) {
      return (window.at(-1)?.[0] ?? 0) - stepMs;
    }
  }
  return Number.POSITIVE_INFINITY;
}
