/**
 * What is measured: points of the space of links, contents and peers. Each belongs to a set that can
 * be run on its own, in as many sittings as it takes.
 */

/** A link; both ways lose alike, the data go one way. */
export interface PointLink {
  readonly rateMbit: number;
  readonly roundTripMs: number;
  readonly lossPercent: number;
  readonly burstPackets?: number;
  readonly queueMs?: number;
}

export interface Point {
  readonly id: string;
  readonly set: PointSet;
  readonly title: string;
  /** Absent: the loopback, without emulator. */
  readonly link?: PointLink;
  readonly content: "random" | "image";
  readonly peers: readonly PeerName[];
  /** Seconds after the start, and the rate from then on. */
  readonly rateSteps?: readonly (readonly [number, number])[];
  /** From memory to memory: what arrives is opened, and not kept. */
  readonly discards?: boolean;
  /** Without the kernel's batches. */
  readonly plainSockets?: boolean;
  /** Another flow that is there first, and stays. */
  readonly competitor?: "bbr" | "cubic";
}

export const POINT_SETS = [
  "primary",
  "grid",
  "fast",
  "burst",
  "step",
  "compete",
  "image",
  "loopback",
] as const;
export type PointSet = (typeof POINT_SETS)[number];

export const PEER_NAMES = [
  "sealed",
  "classic",
  "classic-default",
  "iperf3-bbr",
  "iperf3-cubic",
  "scp-bbr",
  "scp-cubic",
  "rsync-bbr",
  "rsync-cubic",
  "uftp",
] as const;
export type PeerName = (typeof PEER_NAMES)[number];

/** Ours. Drop-tail, as perf figures of others have it. */
export const DEFAULT_QUEUE_MS = 50;

export const GRID_ROUND_TRIPS_MS: readonly number[] = [20, 80, 200];
export const GRID_LOSSES_PERCENT: readonly number[] = [0, 0.1, 1, 5, 10, 20];

/** Where a point of the grid is measured: two of them with all peers, in the primary set. */
export function gridPointId(roundTripMs: number, lossPercent: number): string {
  const isPrimary = roundTripMs === 200 && (lossPercent === 0 || lossPercent === 1);
  return [isPrimary ? "primary" : "grid", 500, roundTripMs, lossPercent].join("-");
}

const FLOWS: readonly PeerName[] = ["sealed", "classic", "iperf3-bbr", "iperf3-cubic"];

export const POINTS: readonly Point[] = [
  random("primary", { rateMbit: 500, roundTripMs: 200, lossPercent: 1 }, PEER_NAMES),
  // What people would use, on the same link without loss.
  random("primary", { rateMbit: 500, roundTripMs: 200, lossPercent: 0 }, PEER_NAMES),
  ...GRID_ROUND_TRIPS_MS.flatMap((roundTripMs) =>
    GRID_LOSSES_PERCENT.filter((loss) => gridPointId(roundTripMs, loss).startsWith("grid")).map(
      (lossPercent) => random("grid", { rateMbit: 500, roundTripMs, lossPercent }, FLOWS),
    ),
  ),
  random("fast", { rateMbit: 900, roundTripMs: 100, lossPercent: 0 }, FLOWS),
  random("fast", { rateMbit: 900, roundTripMs: 100, lossPercent: 1 }, FLOWS),
  random("burst", { rateMbit: 500, roundTripMs: 200, lossPercent: 1, burstPackets: 8 }, FLOWS),
  {
    ...random("step", { rateMbit: 500, roundTripMs: 80, lossPercent: 0 }, ["sealed", "iperf3-bbr"]),
    title: "500 → 200 → 500 Mbit/s, 80 ms",
    rateSteps: [
      [5, 200],
      [10, 500],
    ],
  },
  ...(["cubic", "bbr"] as const).map((competitor): Point => {
    const point = random("compete", { rateMbit: 500, roundTripMs: 80, lossPercent: 0 }, ["sealed"]);
    const title = `500 Mbit/s, 80 ms, beside a ${competitor.toUpperCase()} flow`;
    return { ...point, id: `compete-${competitor}`, title, competitor };
  }),
  {
    ...random("image", { rateMbit: 500, roundTripMs: 200, lossPercent: 1 }, [
      "sealed",
      "rsync-bbr",
    ]),
    id: "image-500-200-1",
    title: "an OS image, 500 Mbit/s, 200 ms, 1 % loss",
    content: "image",
  },
  {
    id: "loopback",
    set: "loopback",
    title: "loopback, no emulator",
    content: "random",
    peers: ["sealed", "classic", "iperf3-bbr"],
  },
  ...[false, true].map((plainSockets): Point => {
    const sockets = plainSockets ? "plain" : "batched";
    return {
      id: `memory-${sockets}`,
      set: "loopback",
      title: `loopback, memory to memory, ${sockets} sockets`,
      content: "random",
      peers: ["sealed"],
      discards: true,
      plainSockets,
    };
  }),
];

function random(set: PointSet, link: PointLink, peers: readonly PeerName[]): Point {
  const { rateMbit, roundTripMs, lossPercent, burstPackets } = link;
  const burst = burstPackets === undefined ? "" : ` in bursts of ${burstPackets}`;
  return {
    id: [set, rateMbit, roundTripMs, lossPercent].join("-"),
    set,
    title: `${rateMbit} Mbit/s, ${roundTripMs} ms, ${lossPercent} % loss${burst}`,
    link,
    content: "random",
    peers,
  };
}
