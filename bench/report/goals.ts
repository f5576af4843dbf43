/** What the engine must reach, each goal as a ratio of two measurements of the same machine. */

import { FRAGMENT_HEADER_BYTES } from "../../tsunami/sealed/datagram.ts";
import { gridPointId, type PeerName, POINTS } from "../points.ts";
import { followedAfterMs } from "./rate-steps.ts";
import { type ResultLine, type Results, spreadOf } from "./results.ts";

export interface GoalRow {
  readonly goal: string;
  /** Absent: not measured yet. */
  readonly reached?: number;
  readonly wanted: number;
  readonly atMost?: boolean;
  readonly unit?: string;
}

/** Sealed bytes in a full IP packet of the internet: 1500 less IP, UDP and our own header. */
const PAYLOAD_SHARE = (1472 - FRAGMENT_HEADER_BYTES) / 1500;

/** What a link can carry at best: what is lost must be sent again, and headers take their share. */
export function ceilingBitsPerSecond(rateMbit: number, lossPercent: number): number {
  return rateMbit * 1e6 * (1 - lossPercent / 100) * PAYLOAD_SHARE;
}

export function goalRows(results: Results): GoalRow[] {
  const rate = (pointId: string, peer: PeerName): number | undefined =>
    results.find(pointId, peer)?.goodput.median;
  const ratio = (pointId: string, other: PeerName): number | undefined =>
    divide(rate(pointId, "sealed"), rate(pointId, other));
  const rows: GoalRow[] = [];
  const add = (
    goal: string,
    reached: number | undefined,
    wanted: number,
    more?: Partial<GoalRow>,
  ) => rows.push({ goal, ...(reached !== undefined && { reached }), wanted, ...more });
  for (const loss of [0.1, 1, 5, 10, 20]) {
    const reached = divide(rate(gridPointId(200, loss), "sealed"), ceilingBitsPerSecond(500, loss));
    const wanted = loss > 1 ? 0.9 : 0.95;
    add(`share of the ceiling at 500 Mbit/s, 200 ms, ${loss} % loss`, reached, wanted);
  }
  for (const [loss, wanted] of [
    [0, 0.95],
    [0.1, 0.95],
    [1, 0.95],
    [5, 1.2],
    [10, 1.3],
  ] as const) {
    const reached = ratio(gridPointId(200, loss), "iperf3-bbr");
    add(`against one BBR stream in steady state, 200 ms, ${loss} % loss`, reached, wanted);
  }
  for (const program of ["scp", "rsync"] as const) {
    add(
      `against ${program} over CUBIC, 200 ms, no loss`,
      ratio("primary-500-200-0", `${program}-cubic`),
      6,
    );
    add(
      `against ${program} over CUBIC, 200 ms, 1 % loss`,
      ratio("primary-500-200-1", `${program}-cubic`),
      250,
    );
  }
  const known = ratio("primary-500-200-1", "classic");
  add("against classic mode, 200 ms, 1 % loss", known, 1.3);
  const unknown = ratio("primary-500-200-1", "classic-default");
  add("against classic mode with the original's defaults", unknown, 1.3);
  const primary = results.find("primary-500-200-1", "sealed");
  add("bytes on the wire of file bytes, 1 % loss", primary?.wireRatio?.median, 1.05, {
    atMost: true,
  });
  add(
    "disk bytes of an OS image a second, of the link's rate",
    divide(rate("image-500-200-1", "sealed"), 500e6),
    3,
  );
  for (const point of POINTS.filter(({ set }) => set === "compete")) {
    const runs = results.find(point.id, "sealed")?.runs ?? [];
    const kept = runs.map(({ competitorBitsPerSecond = 0 }) => competitorBitsPerSecond / 500e6);
    add(`link share kept by a ${point.competitor?.toUpperCase()} flow, 80 ms`, median(kept), 0.3);
  }
  for (const [index, way] of ["down", "up"].entries()) {
    const runs = results.find("step-500-80-0", "sealed")?.runs ?? [];
    const stepped = runs.filter(({ rateSteps }) => rateSteps !== undefined);
    const followed = stepped.map((run) => followedAfterMs(run, index) / 80);
    add(`a rate step ${way} is followed, 80 ms`, median(followed), 10, {
      atMost: true,
      unit: "RTT",
    });
  }
  const queues = results.find(gridPointId(80, 0), "sealed")?.runs ?? [];
  const queueMs = median(queues.map(({ link }) => link?.queueP95Ms ?? Number.NaN));
  add("our own standing queue, p95, 80 ms", queueMs, 30, { atMost: true, unit: "ms" });
  rows.push(...costRows(results));
  for (const sockets of ["batched", "plain"]) {
    const reached = divide(rate(`memory-${sockets}`, "sealed"), 1e9);
    const wanted = sockets === "batched" ? 5 : 1;
    add(`memory to memory, ${sockets} sockets`, reached, wanted, { unit: "Gbit/s" });
  }
  return rows;
}

/** What each side may cost at 500 Mbit/s. */
function costRows(results: Results): GoalRow[] {
  const runs = results.find("primary-500-200-1", "sealed")?.runs ?? [];
  const row = (
    goal: string,
    unit: string | undefined,
    wanted: number,
    value: (run: ResultLine) => number | undefined,
  ): GoalRow => {
    const reached = median(runs.flatMap((run) => value(run) ?? []));
    const unitOf = unit !== undefined && { unit };
    return { goal, wanted, atMost: true, ...unitOf, ...(reached !== undefined && { reached }) };
  };
  return (["sender", "receiver"] as const).flatMap((side) => [
    row(`${side}'s cores`, undefined, side === "sender" ? 0.5 : 0.8, (run) => run[`${side}Cores`]),
    row(`${side}'s memory`, "MiB", 256, (run) => run[`${side}RssMiB`]),
    row(`${side}'s event loop busy, p99.9`, "ms", 10, (run) => run[`${side}Loop`]?.ownP999Ms),
    row(`${side}'s event loop busy, worst`, "ms", 10, (run) => run[`${side}Loop`]?.ownMaxMs),
    row(`the same with the wait for a core`, "ms", 10, (run) => run[`${side}Loop`]?.maxMs),
  ]);
}

function divide(value: number | undefined, by: number | undefined): number | undefined {
  return value === undefined || by === undefined || by === 0 ? undefined : value / by;
}

function median(values: readonly number[]): number | undefined {
  return values.length > 0 ? spreadOf(values).median : undefined;
}
