/** The figures of a run: from what the peer, the link and the machine say of it. */

import { type CpuMoment, foreignCores } from "./foreign-cpu.ts";
import { type LinkSummary, queuePercentileMs } from "./link/long-link.ts";
import type { Measurement, MeasurementOptions } from "./measurement.ts";
import type { PeerOutcome } from "./peers/peer.ts";

export function figuresOf(
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

export function foreignCoresOf(
  before: CpuMoment,
  after: CpuMoment,
  { sender, receiver }: PeerOutcome,
): number {
  const sides = sender.userMs + sender.systemMs + receiver.userMs + receiver.systemMs;
  return round(Math.max(0, foreignCores(before, after, sides)), 3);
}

/** Rate out of the link towards the receiver, and its queue, sample by sample. */
export function timelineOf({ samples }: LinkSummary): [number, number, number][] {
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
