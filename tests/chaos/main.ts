/** `npm run chaos`: calls that fail and processes that die, as many as you like. */

import { spawnSync } from "node:child_process";
import { rmSync } from "node:fs";
import { join } from "node:path";
import { parseArguments, UsageError } from "../../cli/usage-error.ts";
import { pulumiCli } from "../../tools/pulumi-cli.ts";
import { makeTemporaryDirectory } from "../runner/temporary-directory.ts";
import { ALL_KINDS } from "./cases.ts";
import { openKillGround } from "./kill-run.ts";
import { describeKill, drawKills } from "./kills.ts";
import { LIVES } from "./life.ts";
import { measureMemory } from "./memory.ts";
import { copyRealVolumes } from "./real-volumes.ts";
import { summarize } from "./summarize.ts";
import { describeBroken, sweep, type TriedCase } from "./sweep.ts";

const USAGE = `npm run chaos -- --seed 7 --runs 200     200 troubles in the order of seed 7; without --runs all
    --from 200                           and those after them
    --kinds refused,throttled            only these ways to go wrong, of
                                         ${ALL_KINDS.join(", ")}
    --lives replaced                     only these stacks, of ${Object.keys(LIVES).join(", ")}
    --lanes 2                            so many cases at once
    --only 'RunInstances 1'              only what has this in its name
    --memory 40                          instead 40 copies, and the memory of each process
    --volumes 31                         instead one copy of 31 volumes with real helpers
    --kills 30                           instead 30 kills with the real engine and real helpers
`;
const NUMBERS = ["seed", "from", "runs", "lanes", "kills", "memory", "volumes"] as const;

const values = readArguments();

function readArguments() {
  try {
    const { values } = parseArguments({
      options: {
        seed: { type: "string", default: String(Date.now() % 100_000) },
        from: { type: "string", default: "0" },
        runs: { type: "string" },
        kinds: { type: "string", default: ALL_KINDS.join(",") },
        lives: { type: "string", default: Object.keys(LIVES).join(",") },
        only: { type: "string", default: "" },
        lanes: { type: "string", default: "1" },
        kills: { type: "string" },
        memory: { type: "string" },
        volumes: { type: "string" },
        help: { type: "boolean", short: "h" },
      },
    });
    if (values.help) {
      process.stdout.write(USAGE);
      process.exit(0);
    }
    const wrong = NUMBERS.find((name) => !/^\d{1,9}$/.test(values[name] ?? "0"));
    if (wrong !== undefined) throw new UsageError(`--${wrong} ${values[wrong]}: no whole number`);
    checkNames(values.kinds, ALL_KINDS);
    checkNames(values.lives, Object.keys(LIVES));
    return values;
  } catch (error) {
    if (!(error instanceof UsageError)) throw error;
    process.stderr.write(`${error.message}\n${USAGE}`);
    process.exit(2);
  }
}

function checkNames(list: string, known: readonly string[]): void {
  const unknown = list.split(",").find((name) => !known.includes(name));
  if (unknown !== undefined) throw new UsageError(`${unknown} is none of ${known.join(", ")}`);
}

const BUILD = join(import.meta.dirname, "../../tools/build.ts");

/** Ours. */
const PROGRESS_MS = 10_000;

const seed = Number(values.seed);
const startMs = performance.now();
let saidMs = startMs;
const temporaryDirectory = makeTemporaryDirectory();
process.env.TMPDIR = temporaryDirectory;
try {
  process.exitCode = (await run()) ? 0 : 1;
} finally {
  rmSync(temporaryDirectory, { recursive: true, force: true });
}

async function run(): Promise<boolean> {
  if (values.kills !== undefined) return kill(Number(values.kills));
  if (values.volumes !== undefined) {
    await copyRealVolumes(Number(values.volumes));
    return true;
  }
  if (values.memory === undefined) return sweepCalls();
  await measureMemory(Number(values.memory));
  return true;
}

async function sweepCalls(): Promise<boolean> {
  console.log(`chaos: seed ${seed}; kinds ${values.kinds}; lives ${values.lives}`);
  const { troubleCount, tried } = await sweep({
    seed,
    from: Number(values.from),
    kinds: values.kinds.split(","),
    lives: values.lives.split(","),
    only: values.only,
    lanes: Number(values.lanes),
    ...(values.runs !== undefined && { runs: Number(values.runs) }),
    onTried: showTried,
  });
  for (const line of summarize(tried)) console.log(line);
  const troubles = new Set(tried.map(({ life, name }) => `${life} ${name}`)).size;
  console.log(`${troubles} of ${troubleCount} troubles in ${tried.length} cases, seed ${seed}`);
  return tried.every(({ broken }) => broken.length === 0);
}

async function kill(count: number): Promise<boolean> {
  console.log(`chaos: seed ${seed}; ${count} kills`);
  // The real engine loads what stands in dist, which may be older than what is to be tried, or not there.
  const build = spawnSync(process.execPath, [BUILD], { stdio: "inherit" });
  if (build.status !== 0) return false;
  process.env.PATH = `${(await pulumiCli()).directory}:${process.env.PATH}`;
  await using ground = await openKillGround();
  let failures = 0;
  for (const [index, one] of drawKills(seed, count).entries()) {
    const name = `${index + 1} of ${count}: ${describeKill(one)}`;
    try {
      const struck = await ground.try(one);
      console.log(`${name}: well${struck ? "" : " (it was quicker than the kill)"}`);
    } catch (error) {
      failures += 1;
      console.log(
        `BROKEN ${name}\n${error}\n  again: npm run chaos -- --seed ${seed} --kills ${index + 1}`,
      );
    }
  }
  console.log(`${count} kills, ${failures} broke the rule, seed ${seed}`);
  return failures === 0;
}

function showTried(one: TriedCase, { at, of }: { readonly at: number; readonly of: number }): void {
  if (one.broken.length > 0) console.log(`\nBROKEN ${describeBroken(one)}\n`);
  const { life, name, recovery } = one;
  if (values.only !== "") console.log(`${name}: ${one.ended} ${one.problems.join(" | ")}`);
  if (performance.now() - saidMs < PROGRESS_MS && at < of) return;
  saidMs = performance.now();
  const seconds = Math.round((saidMs - startMs) / 1000);
  console.log(`${at} of ${of}, ${seconds} s, last: ${life}: ${name}, then ${recovery}`);
}
