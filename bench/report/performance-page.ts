/** docs/performance.md and its plots, made of the results; nothing in it is typed by hand. */

import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import {
  GRID_LOSSES_PERCENT,
  GRID_ROUND_TRIPS_MS,
  gridPointId,
  type PeerName,
  POINT_SETS,
  POINTS,
  type Point,
  type PointSet,
} from "../points.ts";
import { ceilingBitsPerSecond, goalRows } from "./goals.ts";
import { drawBars, drawLines, type Series } from "./plot.ts";
import { Results, type Spread, type Summary } from "./results.ts";

const FIGURES = "figures";
const GRID_PEERS: readonly PeerName[] = ["sealed", "classic", "iperf3-bbr", "iperf3-cubic"];

const SET_TITLES: Readonly<Record<PointSet, string>> = {
  primary: "Beside what people would use",
  grid: "Round trip and loss",
  fast: "A faster link",
  burst: "Losses in bursts",
  step: "A link that changes",
  compete: "Beside another flow",
  image: "An OS image with holes",
  loopback: "Without a link",
};

const INTRODUCTION = `# Performance

Made by \`npm run bench -- --report\` of the runs in \`bench/results.jsonl\`; do not edit.

How it is measured: two network namespaces, joined by our own emulator of a long link
(\`bench/link/longlink.c\`: rate, delay, loss, bursts, a drop-tail queue of 50 ms, both ways, seeded).
*Goodput* is the bytes of the file over the whole wall time, from the start of the getting program to
its end, so that a larger file (*MiB*) hides more of what a start costs; sealed proves digests within that time, what the others delivered is compared afterwards.
The emulator loses packets *after* its bottleneck, so that what is lost has had its time of the link. The *ceiling* is
C·(1−p)·payload/MTU. Until 28 November it lost them before; of those runs only such are kept as never filled the link:
everything without loss, and scp, rsync, uftp and CUBIC at 1 %.
iperf3 moves no file: its figure is TCP's steady state without its first five seconds, which favours
it. *Wire* is IP bytes that took time of the link towards the receiver, those lost after it included, of file bytes. CPU is in cores, of all
processes of a side. Median and range; a run counts only when others used less than a quarter of a
core and the emulator was never 50 ms late (else marked †). Classic mode is our own clean-room
implementation of the original's protocol and rate rule, told 96 % of the link's rate. Both run as one
bundle each side, as the program on a helper does. *Memory to memory* is a file in memory sent to
\`/dev/null\`: read, hashed, sealed, sent, opened, and not kept. How long an event loop was busy
is how late a timer of 1 ms came, from 2.5 s after the program's start, less the time that its thread stood
in the kernel's queue for a core (\`/proc/thread-self/schedstat\`): the emulator and both sides share the machine's.
`;

const WHY =
  "Why what is missed is missed, as far as it is known, stands in [decisions.md](decisions.md).";

/** @param results - Lines of earlier benches.  @param docs - The folder of the page. */
export async function writeReport(results: string, docs: string): Promise<void> {
  const measured = Results.read(results);
  const figures = join(docs, FIGURES);
  mkdirSync(figures, { recursive: true });
  const sections = [INTRODUCTION, machineOf(measured), goalSection(measured)];
  for (const set of POINT_SETS) {
    const points = POINTS.filter((point) => point.set === set);
    const rows = points.flatMap((point) => pointRows(point, measured));
    if (rows.length === 0) continue;
    const command = `\`npm run bench -- --only ${set}\``;
    sections.push(`## ${SET_TITLES[set]}\n\n${command}\n`, ...plotsOf(set, measured, figures));
    sections.push([HEADER, ...rows].join("\n"), "");
  }
  writeFileSync(join(docs, "performance.md"), `${sections.join("\n").trimEnd()}\n`);
}

const HEADER = `| link | peer | MiB | goodput, Mbit/s | wire | CPU sender | CPU receiver | runs |
| --- | --- | --- | --- | --- | --- | --- | --- |`;

function machineOf({ lines }: Results): string {
  const machines = new Set(
    lines.map(({ machine }) =>
      Object.entries(machine)
        .map(
          ([key, value]) => `${key} ${key === "kernel" ? String(value).replace(/-.*/, "") : value}`,
        )
        .join(", "),
    ),
  );
  return `Measured on: ${[...machines].join("; ")}.\n`;
}

function goalSection(results: Results): string {
  const rows = goalRows(results).map(({ goal, reached, wanted, atMost, unit }) => {
    const end = unit === undefined ? "" : ` ${unit}`;
    const bound = `${atMost ? "≤" : "≥"} ${wanted}${end}`;
    if (reached === undefined) return `| ${goal} | ${bound} | not measured | |`;
    const met = atMost ? reached <= wanted : reached >= wanted;
    return `| ${goal} | ${bound} | ${short(reached)}${end} | ${met ? "yes" : "**no**"} |`;
  });
  const header = "| | wanted | reached | |\n| --- | --- | --- | --- |";
  return `## What it must reach\n\n${[header, ...rows].join("\n")}\n\n${WHY}\n`;
}

function pointRows(point: Point, results: Results): string[] {
  return point.peers.flatMap((peer) => {
    const summary = results.find(point.id, peer);
    if (summary === undefined) return [];
    const { goodput, wireRatio, senderCores, receiverCores, runs, noisy } = summary;
    const cells = [
      point.title,
      peer,
      peer.startsWith("iperf3") ? "" : String(Math.round((runs[0]?.sizeBytes ?? 0) / 2 ** 20)),
      `${range(goodput, 1e6)}${noisy ? " †" : ""}${cutOff(summary)}${competitorOf(summary)}`,
      wireRatio === undefined ? "" : `×${wireRatio.median.toFixed(3)}`,
      senderCores.median.toFixed(2),
      receiverCores.median.toFixed(2),
      String(runs.length),
    ];
    return [`| ${cells.join(" | ")} |`];
  });
}

function cutOff({ runs }: Summary): string {
  return runs.every(({ complete }) => complete) ? "" : " (cut off)";
}

function competitorOf({ runs }: Summary): string {
  const rates = runs.flatMap(({ competitorBitsPerSecond: rate }) =>
    rate === undefined ? [] : [rate],
  );
  if (rates.length === 0) return "";
  return `, the other ${rates.map((rate) => short(rate / 1e6)).join(", ")}`;
}

function plotsOf(set: PointSet, results: Results, figures: string): string[] {
  if (set === "grid") {
    return GRID_ROUND_TRIPS_MS.flatMap((rtt) => lossPlot(rtt, results, figures));
  }
  if (set === "primary") return barPlots(results, figures);
  if (set === "step") return stepPlot(results, figures);
  return [];
}

function lossPlot(roundTripMs: number, results: Results, figures: string): string[] {
  const ceiling = GRID_LOSSES_PERCENT.map(
    (loss) => [loss, ceilingBitsPerSecond(500, loss) / 1e6] as const,
  );
  const series: Series[] = GRID_PEERS.map((name) => ({
    name,
    points: GRID_LOSSES_PERCENT.flatMap((loss) => {
      const found = results.find(gridPointId(roundTripMs, loss), name);
      return found === undefined ? [] : [[loss, found.goodput.median / 1e6] as const];
    }),
  }));
  const measured = series.filter(({ points }) => points.length > 0);
  if (measured.length === 0) return [];
  const title = `500 Mbit/s, round trip ${roundTripMs} ms`;
  const plot = drawLines({
    title,
    x: { label: "packets lost, %", ticks: GRID_LOSSES_PERCENT, even: true },
    y: { label: "goodput, Mbit/s", ticks: [0, 100, 200, 300, 400, 500] },
    series: [...measured, { name: "ceiling", points: ceiling, dashed: true }],
  });
  return [save(figures, `loss-${roundTripMs}ms.svg`, plot, title)];
}

function barPlots(results: Results, figures: string): string[] {
  return POINTS.filter(({ set }) => set === "primary").flatMap((point) => {
    const bars = point.peers.flatMap((name) => {
      const found = results.find(point.id, name);
      if (found === undefined) return [];
      const value = found.goodput.median / 1e6;
      return [{ name, value, label: `${short(value)} Mbit/s` }];
    });
    if (bars.length === 0) return [];
    const plot = drawBars(`${point.title} (logarithmic)`, bars);
    return [save(figures, `${point.id}.svg`, plot, point.title)];
  });
}

function stepPlot(results: Results, figures: string): string[] {
  return POINTS.filter(({ set }) => set === "step").flatMap((point) => {
    const series = point.peers.flatMap((name): Series[] => {
      const timeline = results.find(point.id, name)?.runs[0]?.timeline;
      if (timeline === undefined) return [];
      return [{ name, points: timeline.map(([ms, rate]) => [ms / 1000, rate] as const) }];
    });
    if (series.length === 0) return [];
    const plot = drawLines({
      title: point.title,
      x: { label: "seconds", ticks: [0, 5, 10, 15, 20, 25] },
      y: { label: "out of the link, Mbit/s", ticks: [0, 100, 200, 300, 400, 500] },
      series,
    });
    return [save(figures, `${point.id}.svg`, plot, point.title)];
  });
}

function save(figures: string, name: string, plot: string, title: string): string {
  writeFileSync(join(figures, name), plot);
  return `![${title}](${FIGURES}/${name})\n`;
}

function range({ median, least, most }: Spread, unit: number): string {
  if (least === most) return short(median / unit);
  return `${short(median / unit)} (${short(least / unit)}–${short(most / unit)})`;
}

/** Three digits, as many as such figures are good for. */
function short(value: number): string {
  if (!Number.isFinite(value)) return "never";
  return value >= 100 ? value.toFixed(0) : value.toPrecision(3);
}
