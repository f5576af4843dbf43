/**
 * `npm run bench`: the transfer engine beside its peers, over an emulated long link. Root on Linux.
 *
 *   apt-get install gcc libc6-dev iproute2 iperf3 openssh-server openssh-client rsync uftp e2fsprogs
 *   npm run bench -- --only primary --runs 3
 *   npm run bench -- --report
 *
 * Results are appended to bench/results.jsonl, a line a run, so that a table can be made in several
 * sittings; `--report` makes docs/performance.md of them. Ctrl-C ends the run at hand and all its
 * processes; what was measured before is kept.
 */

import { existsSync } from "node:fs";
import { appendFile, rm } from "node:fs/promises";
import { join, resolve } from "node:path";
import { parseArgs } from "node:util";
import { type Content, describeMachine, makeImageContent, makeRandomContent } from "./contents.ts";
import { compileProgram } from "./link/native-program.ts";
import { measure } from "./measure.ts";
import type { Measurement } from "./measurement.ts";
import { iperfBbr, iperfCubic } from "./peers/iperf.ts";
import type { Peer } from "./peers/peer.ts";
import { sshCopies } from "./peers/ssh-copy.ts";
import { classic, classicDefault, sealed } from "./peers/tsunami.ts";
import { bundleTsunami } from "./peers/tsunami-program.ts";
import { uftp } from "./peers/uftp.ts";
import { PEER_NAMES, POINT_SETS, POINTS, type Point } from "./points.ts";
import { writeReport } from "./report/performance-page.ts";
import { Results } from "./report/results.ts";
import { makeWorkspace } from "./workspace.ts";

const USAGE = `npm run bench -- [--only SET|POINT,...] [--peers NAME,...] [--runs N] [--size MIB]
                 [--limit SECONDS] [--results FILE] [--resume]
                 [--report [--docs FOLDER]] [--list]

    --only     sets (${POINT_SETS.join(", ")}) or points; default: all
    --peers    ${PEER_NAMES.join(", ")}
    --runs     of each; default 3
    --size     of the random content; default 1024 MiB
    --limit    a peer is cut off then; default 60 s
    --results  default bench/results.jsonl; lines are added
    --resume   measures only the runs that the results lack
    --report   makes performance.md and its plots of the results, and measures nothing
    --docs     where; default docs
    --list     the points
`;

const PEERS: readonly Peer[] = [
  sealed,
  classic,
  classicDefault,
  iperfBbr,
  iperfCubic,
  ...sshCopies,
  uftp,
];
const ROOT = resolve(import.meta.dirname, "..");

const { values } = parseArgs({
  options: {
    only: { type: "string" },
    peers: { type: "string" },
    runs: { type: "string", default: "3" },
    size: { type: "string", default: "1024" },
    limit: { type: "string", default: "60" },
    results: { type: "string", default: join(ROOT, "bench/results.jsonl") },
    resume: { type: "boolean" },
    report: { type: "boolean" },
    docs: { type: "string", default: join(ROOT, "docs") },
    list: { type: "boolean" },
    help: { type: "boolean", short: "h" },
  },
});
process.exitCode = await main();

async function main(): Promise<number> {
  try {
    if (values.help) process.stdout.write(USAGE);
    else if (values.list) list();
    else if (values.report) await writeReport(values.results, values.docs);
    else return await bench(choosePoints());
    return 0;
  } catch (error) {
    process.stderr.write(`bench: ${error instanceof Error ? error.message : String(error)}\n`);
    return 1;
  }
}

/** In one piece: whoever reads it may stop after some lines. */
function list(): void {
  const lines = POINTS.map(
    ({ id, set, title, peers }) => `${set}\t${id}\t${title}\t${peers.join(" ")}\n`,
  );
  process.stdout.write(lines.join(""));
}

function choosePoints(): Point[] {
  const wanted = values.only?.split(",");
  if (wanted === undefined) return [...POINTS];
  const unknown = wanted.find((name) => !POINTS.some(({ set, id }) => set === name || id === name));
  if (unknown !== undefined) throw new Error(`no set or point ${unknown}: --list shows them`);
  return POINTS.filter(({ set, id }) => wanted.includes(set) || wanted.includes(id));
}

async function bench(points: readonly Point[]): Promise<number> {
  const stop = new AbortController();
  for (const name of ["SIGINT", "SIGTERM"] as const) process.on(name, () => stop.abort());
  const workspace = await makeWorkspace();
  try {
    return await runAll(points, workspace, stop.signal);
  } finally {
    await rm(workspace, { recursive: true, force: true });
  }
}

async function runAll(
  points: readonly Point[],
  workspace: string,
  signal: AbortSignal,
): Promise<number> {
  const programs = {
    longlink: await compileProgram("longlink", workspace),
    side: await compileProgram("side", workspace),
    tsunami: await bundleTsunami(workspace),
  };
  const machine = await describeMachine();
  const contents = new Map<Point["content"], Content>();
  const chosen = values.peers?.split(",");
  const there =
    values.resume && existsSync(values.results) ? Results.read(values.results).lines : [];
  const done = new Set(there.map(({ pointId, peer, run }) => `${pointId} ${peer} ${run}`));
  let failures = 0;
  for (let run = 1; run <= Number(values.runs); run++) {
    // Run by run, not point by point: what changes on the machine meets all alike.
    for (const point of points) {
      for (const peer of PEERS) {
        if (signal.aborted) return 130;
        if (!point.peers.includes(peer.name) || chosen?.includes(peer.name) === false) continue;
        if (done.has(`${point.id} ${peer.name} ${run}`)) continue;
        const content = contents.get(point.content) ?? (await makeContent(point, workspace));
        contents.set(point.content, content);
        if (signal.aborted) return 130;
        const limitMs = Number(values.limit) * 1000;
        try {
          const options = { point, peer, run, content, programs, workspace, limitMs, signal };
          const measurement = await measure(options);
          if (signal.aborted) return 130;
          const line = { at: new Date().toISOString(), machine, ...measurement };
          await appendFile(values.results, `${JSON.stringify(line)}\n`);
          tell(measurement);
        } catch (error) {
          if (signal.aborted) return 130;
          failures++;
          const reason = error instanceof Error ? error.message : String(error);
          process.stderr.write(`${point.id}  ${peer.name}  run ${run} failed: ${reason}\n`);
        }
      }
    }
  }
  return failures > 0 ? 1 : 0;
}

async function makeContent({ content }: Point, workspace: string): Promise<Content> {
  process.stderr.write(`making the ${content} content\n`);
  if (content === "image") return await makeImageContent(workspace);
  return await makeRandomContent(workspace, Number(values.size) * 2 ** 20);
}

function tell(measurement: Measurement): void {
  const { pointId, peer, run, goodputBitsPerSecond, wireRatio, senderCores, receiverCores } =
    measurement;
  const words = [
    pointId.padEnd(18),
    peer.padEnd(13),
    `run ${run}`,
    `${(goodputBitsPerSecond / 1e6).toFixed(1)} Mbit/s`.padStart(14),
    wireRatio === undefined ? "" : `wire ×${wireRatio.toFixed(3)}`,
    `CPU ${senderCores.toFixed(2)} + ${receiverCores.toFixed(2)}`,
    measurement.complete ? "" : "cut off",
    measurement.noisy ? `noisy (${measurement.foreignCores} cores of others)` : "",
  ];
  process.stderr.write(`${words.join("  ").trimEnd()}\n`);
}
