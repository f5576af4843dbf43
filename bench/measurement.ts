/**
 * One measurement: a point, a peer, one run. Makes the link, prepares both sides, lets the peer move
 * the content, compares what arrived, and takes everything down whatever happened.
 */

import { mkdir, readdir, readFile, rm } from "node:fs/promises";
import { join } from "node:path";
import { type Content, sha256Of } from "./contents.ts";
import { type CpuMoment, foreignCores, readCpu } from "./foreign-cpu.ts";
import {
  ADDRESS_A,
  ADDRESS_B,
  type LinkSummary,
  type LinkWay,
  LongLink,
  queuePercentileMs,
} from "./link/long-link.ts";
import { Side } from "./link/side.ts";
import { startCompetitor } from "./peers/iperf.ts";
import type { LoopDelay } from "./peers/loop-delay.ts";
import type { Peer, PeerContext, PeerOutcome } from "./peers/peer.ts";
import type { TsunamiProgram } from "./peers/tsunami-program.ts";
import { DEFAULT_QUEUE_MS, type PeerName, type Point, type PointLink } from "./points.ts";

export interface MeasurementOptions {
  readonly point: Point;
  readonly peer: Peer;
  readonly run: number;
  readonly content: Content;
  readonly programs: {
    readonly longlink: string;
    readonly side: string;
    readonly tsunami: TsunamiProgram;
  };
  readonly workspace: string;
  readonly limitMs: number;
  readonly signal: AbortSignal;
}

/** One line of the results. */
export interface Measurement {
  readonly pointId: string;
  readonly peer: PeerName;
  readonly run: number;
  readonly seed: number;
  readonly content: Point["content"];
  readonly sizeBytes: number;
  readonly bytesMoved: number;
  readonly complete: boolean;
  /** `proved`: the peer compared digests in its time; `compared`: we did afterwards. */
  readonly verified: "proved" | "compared" | "no";
  readonly wallMs: number;
  readonly goodputBitsPerSecond: number;
  /** IP bytes that left the link towards the receiver, of content bytes moved. */
  readonly wireRatio?: number;
  readonly senderCores: number;
  readonly receiverCores: number;
  readonly senderRssMiB: number;
  readonly receiverRssMiB: number;
  readonly link?: {
    readonly lostPackets: number;
    readonly queueDrops: number;
    readonly packets: number;
    readonly queueP95Ms: number;
    readonly maxLateMs: number;
    readonly veryLatePackets: number;
  };
  /** Cores that neither we nor the peer used. */
  readonly foreignCores: number;
  /** How late the event loops of our own programs were. */
  readonly senderLoop?: LoopDelay;
  readonly receiverLoop?: LoopDelay;
  /** Not to be quoted: the machine was busy with something else. */
  readonly noisy: boolean;
  readonly competitorBitsPerSecond?: number;
  /** For a link that changes: milliseconds, Mbit/s out of it, milliseconds of queue. */
  readonly timeline?: readonly (readonly [number, number, number])[];
  /** On the same clock: when it changed, and to which Mbit/s. */
  readonly rateSteps?: readonly (readonly [number, number])[];
}

/** Ours. More than this share of a core for others, and a figure says nothing. */
const FOREIGN_CORES_MAX = 0.25;
/** Ours. A competing flow has found its rate by then. */
const COMPETITOR_LEAD_MS = 5000;
/** Ours. Both ways' buffers hold more than the largest product of rate and delay here. */
const TCP_BUFFERS = "4096 131072 67108864";

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
    const measured = describe(options, outcome, summary);
    const others = foreign(before, after, outcome);
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

async function startLink(
  { programs }: MeasurementOptions,
  link: PointLink,
  seed: number,
): Promise<LongLink> {
  const way: LinkWay = {
    rateMbit: link.rateMbit,
    delayMs: link.roundTripMs / 2,
    lossPercent: link.lossPercent,
    burstPackets: link.burstPackets ?? 1,
    queueMs: link.queueMs ?? DEFAULT_QUEUE_MS,
    seed: 2 * seed,
  };
  return await LongLink.start(programs.longlink, way, { ...way, seed: 2 * seed + 1 });
}

function peerContext(
  { point, content, programs, limitMs, signal }: MeasurementOptions,
  made: {
    readonly link: LongLink | undefined;
    readonly scratch: string;
    readonly destination: string;
    readonly sides: Side[];
  },
): PeerContext {
  const { link, scratch, destination, sides } = made;
  const start = (namespace: string | undefined) => {
    return (...command: string[]): Side => {
      const side = new Side({ program: programs.side, namespace, command, directory: scratch });
      sides.push(side);
      return side;
    };
  };
  return {
    content,
    destination,
    scratch,
    addressA: link === undefined ? "127.0.0.1" : ADDRESS_A,
    addressB: link === undefined ? "127.0.0.1" : ADDRESS_B,
    rateMbit: point.link?.rateMbit,
    tsunami: programs.tsunami,
    discards: point.discards === true,
    plainSockets: point.plainSockets === true,
    limitMs,
    signal,
    startA: start(link?.namespaceA),
    startB: start(link?.namespaceB),
  };
}

/**
 * Buffers and congestion control of both ends. The route carries the latter, because a namespace may
 * not set its default. A competitor brings its own to the data's direction.
 */
async function prepareEnds(context: PeerContext, peer: Peer, point: Point): Promise<void> {
  const congestion = point.competitor ?? peer.congestion;
  const script = [
    `echo ${TCP_BUFFERS} > /proc/sys/net/ipv4/tcp_rmem`,
    `echo ${TCP_BUFFERS} > /proc/sys/net/ipv4/tcp_wmem`,
    "echo 1 > /proc/sys/net/ipv4/tcp_no_metrics_save",
    `ip route replace 10.77.0.0/24 dev wan0 congctl ${congestion}`,
  ].join(" && ");
  for (const start of [context.startA, context.startB]) {
    const { usage, err } = await start("sh", "-c", script).ended;
    if (usage.status !== 0) throw new Error(`an end of the link cannot be prepared: ${err}`);
  }
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

function describe(
  { point, peer, run, content }: MeasurementOptions,
  outcome: PeerOutcome,
  summary: LinkSummary | undefined,
): Omit<Measurement, "seed" | "verified" | "foreignCores" | "noisy"> {
  const { wallMs, bytesMoved, complete, sender, receiver } = outcome;
  const movesFile = outcome.goodputBitsPerSecond === undefined && point.competitor === undefined;
  const cores = (usage: PeerOutcome["sender"]): number => {
    return round((usage.userMs + usage.systemMs) / wallMs, 3);
  };
  return {
    pointId: point.id,
    peer: peer.name,
    run,
    content: point.content,
    sizeBytes: content.sizeBytes,
    bytesMoved,
    complete,
    wallMs: Math.round(wallMs),
    goodputBitsPerSecond: Math.round(outcome.goodputBitsPerSecond ?? (bytesMoved * 8000) / wallMs),
    ...(summary &&
      movesFile &&
      bytesMoved > 0 && { wireRatio: round(summary.aToB.bytesCarried / bytesMoved, 4) }),
    senderCores: cores(sender),
    receiverCores: cores(receiver),
    senderRssMiB: Math.round(sender.maxRssKiB / 1024),
    receiverRssMiB: Math.round(receiver.maxRssKiB / 1024),
    ...(outcome.senderLoop && { senderLoop: outcome.senderLoop }),
    ...(outcome.receiverLoop && { receiverLoop: outcome.receiverLoop }),
    ...(summary && {
      link: {
        lostPackets: summary.aToB.lost,
        queueDrops: summary.aToB.queueDrops,
        packets: summary.aToB.packetsOut,
        queueP95Ms: queuePercentileMs(summary.aToB.queueDelays, 0.95),
        maxLateMs: Math.max(summary.aToB.maxLateMs, summary.bToA.maxLateMs),
        veryLatePackets: summary.aToB.veryLate + summary.bToA.veryLate,
      },
    }),
  };
}

function foreign(before: CpuMoment, after: CpuMoment, { sender, receiver }: PeerOutcome): number {
  const sides = sender.userMs + sender.systemMs + receiver.userMs + receiver.systemMs;
  return round(Math.max(0, foreignCores(before, after, sides)), 3);
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

/** Rate out of the link towards the receiver, and its queue, sample by sample. */
function timelineOf({ samples }: LinkSummary): [number, number, number][] {
  return samples.slice(1).map((sample, index) => {
    const before = samples[index];
    const bytes = sample.aToB.bytesCarried - (before?.aToB.bytesCarried ?? 0);
    const ms = sample.ms - (before?.ms ?? 0);
    const rateMbit = round((bytes * 8) / 1000 / Math.max(1, ms), 1);
    return [Math.round(sample.ms), rateMbit, sample.aToB.queueMs];
  });
}

function round(value: number, digits: number): number {
  return Number(value.toFixed(digits));
}

/** Folders of benches that were killed; their process ids are in their names. */
export async function removeStaleWorkspaces(parent: string, prefix: string): Promise<void> {
  for (const name of await readdir(parent)) {
    const pid = name.startsWith(prefix) ? Number(name.slice(prefix.length)) : Number.NaN;
    if (!Number.isInteger(pid)) continue;
    const alive = await readFile(`/proc/${pid}/stat`).catch(() => undefined);
    if (alive === undefined) await rm(join(parent, name), { recursive: true, force: true });
  }
}
