/**
 * One measurement: a point, a peer, one run. Makes the link, prepares both sides, lets the peer move
 * the content, compares what arrived, and takes everything down whatever happened.
 */

import { mkdir, readdir, rm } from "node:fs/promises";
import { join } from "node:path";
import { type Content, sha256Of } from "./contents.ts";
import { figuresOf, foreignCoresOf, timelineOf } from "./figures.ts";
import { readCpu } from "./foreign-cpu.ts";
import type { LongLink } from "./link/long-link.ts";
import type { Side } from "./link/side.ts";
import type { Measurement, MeasurementOptions } from "./measurement.ts";
import { startCompetitor } from "./peers/iperf.ts";
import type { PeerContext, PeerOutcome } from "./peers/peer.ts";
import type { Point } from "./points.ts";
import { peerContext, prepareEnds, startLink } from "./testbed.ts";

/** Ours. More than this share of a core for others, and a figure says nothing. */
const FOREIGN_CORES_MAX = 0.25;
/** Ours. A competing flow has found its rate by then. */
const COMPETITOR_LEAD_MS = 5000;

export async function measure(options: MeasurementOptions): Promise<Measurement> {
  const { point, peer, run, content, workspace } = options;
  const scratch = join(workspace, "scratch");
  const destination = join(workspace, "destination");
  for (const directory of [scratch, destination]) await mkdir(directory, { mode: 0o700 });
  const seed = seedOf(point, run);
  const link = point.link === undefined ? undefined : await startLink(options, point.link, seed);
  const sides: Side[] = [];
  try {
    const context = peerContext(options, { link, scratch, destination, sides });
    if (link !== undefined) await prepareEnds(context, peer, point);
    const before = await readCpu(link?.pid);
    const { outcome, competitorBitsPerSecond, rateSteps } = await runPeer(options, context, link);
    const after = await readCpu(link?.pid);
    const summary = await link?.end();
    const measured = figuresOf(options, outcome, summary);
    const others = foreignCoresOf(before, after, outcome);
    const late = summary !== undefined && summary.aToB.veryLate + summary.bToA.veryLate > 0;
    return {
      ...measured,
      seed,
      verified: point.discards ? "no" : await verify(outcome, content, destination),
      foreignCores: others,
      noisy: others > FOREIGN_CORES_MAX || late,
      ...(competitorBitsPerSecond !== undefined && { competitorBitsPerSecond }),
      ...(point.rateSteps && summary && { timeline: timelineOf(summary), rateSteps }),
    };
  } finally {
    await Promise.all(sides.map((side) => side.end().catch(() => {})));
    await link?.end().catch(() => {});
    for (const directory of [scratch, destination]) await rm(directory, { recursive: true });
  }
}

function seedOf(point: Point, run: number): number {
  let hash = 0;
  for (const character of point.id) hash = (hash * 31 + character.charCodeAt(0)) % 1_000_003;
  return hash * 100 + run;
}

async function runPeer(
  { point, peer }: MeasurementOptions,
  context: PeerContext,
  link: LongLink | undefined,
): Promise<{
  outcome: PeerOutcome;
  competitorBitsPerSecond: number | undefined;
  rateSteps: [number, number][];
}> {
  const competitor = point.competitor === undefined ? undefined : await startCompetitor(context);
  if (competitor !== undefined) {
    await new Promise((ready) => setTimeout(ready, COMPETITOR_LEAD_MS));
  }
  const rateSteps: [number, number][] = [];
  const timers = (point.rateSteps ?? []).map(([seconds, rateMbit]) =>
    setTimeout(() => {
      link?.setRate(rateMbit);
      rateSteps.push([Math.round(link?.samples.at(-1)?.ms ?? 0), rateMbit]);
    }, seconds * 1000),
  );
  const startMs = performance.now();
  try {
    const outcome = await peer.run(context);
    const competitorBitsPerSecond = await competitor?.end(startMs, performance.now());
    return { outcome, competitorBitsPerSecond, rateSteps };
  } finally {
    for (const timer of timers) clearTimeout(timer);
  }
}

/** What arrived is compared with what was sent, after the clock has stopped. */
async function verify(
  { complete, proved, goodputBitsPerSecond }: PeerOutcome,
  content: Content,
  destination: string,
): Promise<Measurement["verified"]> {
  if (!complete || goodputBitsPerSecond !== undefined) return "no";
  const [name, ...more] = await readdir(destination);
  if (name === undefined || more.length > 0) throw new Error("what arrived is not one file");
  if ((await sha256Of(join(destination, name))) !== content.sha256) {
    throw new Error(`what arrived in ${name} is not what was sent`);
  }
  return proved ? "proved" : "compared";
}
