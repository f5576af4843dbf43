/**
 * How long a copy will take and what bounds it, before it starts. Pure: from what EC2 tells of the
 * snapshots and the helpers' types, and from a scale for what nobody publishes. `docs/estimate.md`
 * has each figure's source.
 */

import type { InstanceTypeFacts } from "../ec2/instance.ts";

/** What the model takes for given; of AWS unless somebody says otherwise. */
export interface Scale {
  /** From the launch until both helpers are introduced: boot, perhaps a package, a slow console. */
  readonly startSeconds: number;
  /** At which a fresh gp3 volume fetches its snapshot's blocks when they are first read. */
  readonly loadMibps: number;
  /** At which one helper reads, hashes and seals: one thread. */
  readonly engineMibps: number;
  /** At which it passes over zeros, which it reads and compares and does not hash. */
  readonly zeroMibps: number;
  /** Of the network that is not the helpers' own: an internet gateway's limit for a small instance. */
  readonly networkMibps: number;
  /** At which a volume's blocks become its snapshot. */
  readonly snapshotMibps: number;
  /** Registering, checking, ending the helpers. */
  readonly endSeconds: number;
}

const MIB = 2 ** 20;
const GIB = 2 ** 30;
const gigabits = (gbps: number) => (gbps * 1e9) / 8 / MIB;

export const AWS_SCALE: Scale = {
  startSeconds: 150,
  loadMibps: 124,
  engineMibps: gigabits(2.5),
  zeroMibps: 960,
  networkMibps: gigabits(5),
  snapshotMibps: 100,
  endSeconds: 90,
};

/** One volume that travels. */
export interface EstimatedVolume {
  readonly sizeGib: number;
  /** Blocks that were ever written; absent: nobody tells, so all. */
  readonly fullSizeBytes?: number;
  /** Of the volume at either side. */
  readonly throughputMibps: number;
}

export interface EstimatedCopy {
  readonly volumes: readonly EstimatedVolume[];
  readonly source: InstanceTypeFacts;
  readonly destination: InstanceTypeFacts;
}

export interface Phase {
  readonly what: string;
  readonly seconds: number;
}

export interface Estimate {
  /** Of all volumes, holes included: what is read from the source and what a digest covers. */
  readonly gibToRead: number;
  /** At most: zeros among it are not sent, and the rest is compressed where that pays. */
  readonly gibToSend: number;
  /** Of both helpers together. */
  readonly helperHours: number;
  readonly seconds: number;
  readonly phases: readonly Phase[];
  /** What the transfer waits for most. */
  readonly bottleneck: string;
}

export function estimateCopy(copy: EstimatedCopy, scale: Scale = AWS_SCALE): Estimate {
  const { volumes } = copy;
  const dataMib = sum(volumes.map(dataMibOf));
  const sizeMib = sum(volumes.map(({ sizeGib }) => sizeGib * 1024));
  const limits = limitsOf(copy, scale).toSorted((a, b) => b.seconds - a.seconds);
  const [slowest = { what: "nothing", seconds: 0 }] = limits;
  const snapshot = Math.max(0, ...volumes.map(dataMibOf)) / scale.snapshotMibps;
  const phases = [
    { what: "helpers start", seconds: scale.startSeconds },
    { what: "transfer", seconds: slowest.seconds },
    { what: "snapshots", seconds: snapshot },
    { what: "register, check, end", seconds: scale.endSeconds },
  ];
  const seconds = sum(phases.map((phase) => phase.seconds));
  // The source's ends with the transfer, the destination's with the snapshots.
  const helperSeconds = 2 * (scale.startSeconds + slowest.seconds) + snapshot;
  return {
    gibToRead: sizeMib / 1024,
    gibToSend: dataMib / 1024,
    helperHours: helperSeconds / 3600,
    seconds,
    phases,
    bottleneck: slowest.what,
  };
}

/** What could bound the transfer, each as if it were alone: they overlap, so the slowest counts. */
function limitsOf({ volumes, source, destination }: EstimatedCopy, scale: Scale): Phase[] {
  const dataMib = sum(volumes.map(dataMibOf));
  const sizeMib = sum(volumes.map(({ sizeGib }) => sizeGib * 1024));
  const slowestOf = (mibps: (volume: EstimatedVolume) => number, mib = dataMibOf) =>
    Math.max(0, ...volumes.map((volume) => mib(volume) / mibps(volume)));
  // One volume after the other is read, so their times add up, and each volume's hole is read too.
  const load = sum(
    volumes.map((volume) => {
      const data = dataMibOf(volume);
      const hole = volume.sizeGib * 1024 - data;
      return (
        data / Math.min(scale.loadMibps, volume.throughputMibps) + hole / volume.throughputMibps
      );
    }),
  );
  const narrower = (side: string, { instanceType, networkGbps, ebsMibps }: InstanceTypeFacts) => [
    ...(networkGbps === undefined
      ? []
      : [
          {
            what: `the ${side}'s network (${instanceType})`,
            seconds: dataMib / gigabits(networkGbps),
          },
        ]),
    ...(ebsMibps === undefined
      ? []
      : [
          {
            what: `the ${side}'s way to its volumes (${instanceType})`,
            // The destination writes the data and reads it back for the proof.
            seconds: (side === "source" ? sizeMib : 2 * dataMib) / ebsMibps,
          },
        ]),
  ];
  return [
    { what: "the source's snapshots, fetched when first read", seconds: load },
    {
      what: "the sender's one thread",
      seconds: dataMib / scale.engineMibps + (sizeMib - dataMib) / scale.zeroMibps,
    },
    { what: "the network between the helpers", seconds: dataMib / scale.networkMibps },
    {
      what: "the destination's volumes",
      seconds: slowestOf(
        ({ throughputMibps }) => throughputMibps,
        (volume) => 2 * dataMibOf(volume),
      ),
    },
    ...narrower("source", source),
    ...narrower("destination", destination),
  ];
}

function dataMibOf({ sizeGib, fullSizeBytes }: EstimatedVolume): number {
  return Math.min(sizeGib * GIB, fullSizeBytes ?? sizeGib * GIB) / MIB;
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, number) => total + number, 0);
}

/** One line for a person, said before the helpers start. */
export function formatEstimate(estimate: Estimate): string {
  const { gibToRead, gibToSend, seconds, bottleneck, helperHours } = estimate;
  return (
    `about ${formatMinutes(seconds)} expected, bounded by ${bottleneck}: ` +
    `${formatGib(gibToRead)} to read, at most ${formatGib(gibToSend)} to send, ` +
    `${helperHours.toFixed(1)} helper-hours`
  );
}

function formatMinutes(seconds: number): string {
  const minutes = Math.max(1, Math.round(seconds / 60));
  return minutes < 120 ? `${minutes} min` : `${(minutes / 60).toFixed(1)} h`;
}

function formatGib(gib: number): string {
  if (gib < 0.1) return `${Math.ceil(gib * 1024)} MiB`;
  return `${gib < 10 ? gib.toFixed(1) : Math.round(gib)} GiB`;
}
