/**
 * `npm run fuzz`: the properties over outside bytes for as long as somebody likes, each round with
 * another seed. Ends with the first input that breaks one, and says how to try it again; else with
 * the number of inputs tried.
 *
 *   npm run fuzz -- [--minutes 10] [--seed N] [--times 5] [PATH ...]
 */

import { globSync, readFileSync } from "node:fs";
import { join, relative, resolve } from "node:path";
import { run } from "node:test";
import { parseArgs } from "node:util";

const ROOT = resolve(import.meta.dirname, "../..");

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    minutes: { type: "string", default: "10" },
    seed: { type: "string", default: String(Date.now() % 2 ** 31) },
    times: { type: "string", default: "5" },
  },
});
const [minutes, firstSeed, times] = [values.minutes, values.seed, values.times].map(Number);
if (!(Number(minutes) > 0 && Number.isInteger(firstSeed) && Number(times) >= 1)) {
  console.error("npm run fuzz -- [--minutes 10] [--seed N] [--times 5] [PATH ...]");
  process.exit(2);
}

const files = globSync("tests/**/*.test.ts", { cwd: ROOT })
  .filter((path) => /^import .*support\/fuzz\.ts"/m.test(readFileSync(join(ROOT, path), "utf8")))
  .filter((path) => positionals.length === 0 || positionals.some((one) => isBelow(path, one)))
  .sort();

function isBelow(path: string, place: string): boolean {
  return path.startsWith(relative(ROOT, resolve(place)));
}

/** Inputs tried, by property. */
const counts = new Map<string, number>();

/** @returns How many tests failed. */
async function round(seed: number): Promise<number> {
  process.env.FUZZ_SEED = String(seed);
  process.env.FUZZ_TIMES = String(times);
  let failures = 0;
  const tests = run({ files: files.map((file) => join(ROOT, file)), concurrency: 1 });
  tests.on("test:diagnostic", ({ message }) => {
    const [, count, name = ""] = /^fuzz: (\d+) inputs, seed \d+: (.*)$/.exec(message) ?? [];
    if (count !== undefined) counts.set(name, (counts.get(name) ?? 0) + Number(count));
  });
  tests.on("test:fail", ({ name, details, file = "" }) => {
    // A file's own failure only repeats that of a test in it.
    if (details.type === "suite" || resolve(name) === resolve(file)) return;
    failures += 1;
    const { cause = details.error } = details.error as Error;
    console.error(`\n${relative(ROOT, file)}: ${name}\n${cause}\n`);
    console.error(
      `again: FUZZ_SEED=${seed} FUZZ_TIMES=${times} npm test -- ${relative(ROOT, file)}`,
    );
  });
  for await (const _event of tests);
  return failures;
}

const startMs = performance.now();
const elapsed = () => `${Math.round((performance.now() - startMs) / 1000)} s`;
let rounds = 0;
let failures = 0;
console.log(
  `${files.length} files, ${times} times the inputs of npm test a round, from seed ${firstSeed}`,
);
while (failures === 0 && performance.now() - startMs < Number(minutes) * 60_000) {
  failures = await round(Number(firstSeed) + rounds);
  rounds += 1;
  const sum = [...counts.values()].reduce((all, one) => all + one, 0);
  console.log(`${elapsed()}: ${rounds} rounds, ${sum} inputs, ${failures} failures`);
}
for (const [name, count] of [...counts].sort())
  console.log(`${String(count).padStart(10)}  ${name}`);
process.exit(failures === 0 ? 0 : 1);
