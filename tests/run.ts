/**
 * `npm test`: everything, in one run of Node's test runner, so that its closing lines count it all.
 *
 *   1. build the package and the agent's bundle
 *   2. find or build the Pulumi CLI, when a chosen test needs it
 *   3. run the test files, those with the real engine last, and of them the longest first
 *   4. look for processes that a test left behind
 *
 * `npm test -- tests/tsunami` runs what lies below a path, `--name PATTERN` what is named so.
 */

import { spawnSync } from "node:child_process";
import { existsSync, globSync, rmSync } from "node:fs";
import { delimiter, join, relative, resolve } from "node:path";
import { run } from "node:test";
import { spec } from "node:test/reporters";
import { parseArgs } from "node:util";
import { pulumiCli } from "../tools/pulumi-cli.ts";
import { endLeftBehind } from "./runner/left-behind.ts";
import { showProgress } from "./runner/progress.ts";
import { makeTemporaryDirectory } from "./runner/temporary-directory.ts";
import { testEnvironment } from "./runner/test-environment.ts";

const ROOT = resolve(import.meta.dirname, "..");

/** Ours: the machine has at least two cores, and a copy waits for a third of its time. */
const CONCURRENCY = 3;

/** Ours: a single test, `pulumi up` with a transfer included, is far below. A test may set its own. */
const TEST_LIMIT_MS = 4 * 60_000;

/** Ours: whatever hangs, the run ends and says where. */
const RUN_LIMIT_MS = 25 * 60_000;

/** Only these drive the real engine; they run last, because they say least about where a fault is. */
const ENGINE_TESTS = /^tests\/(?:e2e\/|package\/|demo\/whole-demo|isolation\/copy|chaos\/kill)/;

/** They take minutes each; begun last, one would run alone at the end. */
const LONG_TESTS = /^tests\/(?!e2e\/)/;

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { name: { type: "string", multiple: true } },
});

const files = chooseFiles(positionals);
if (files.length === 0) {
  console.error(`No *.test.ts below ${positionals.join(", ")}.`);
  process.exit(2);
}
const stop = new AbortController();
// For as long as it takes: a second Ctrl-C must not end us before what we started.
for (const name of ["SIGINT", "SIGTERM", "SIGHUP"] as const) process.on(name, () => stop.abort());
// With a terminal that has been closed goes what we write to; what we started is still to be ended.
for (const stream of [process.stdout, process.stderr]) stream.on("error", () => stop.abort());
await prepare(files);
const temporaryDirectory = makeTemporaryDirectory();
const environment = testEnvironment(process.env, temporaryDirectory);
for (const name of Object.keys(process.env)) if (!(name in environment)) delete process.env[name];
Object.assign(process.env, environment);
await runTests(files, temporaryDirectory);

function chooseFiles(paths: readonly string[]): string[] {
  const all = globSync("tests/**/*.test.ts", { cwd: ROOT }).sort();
  const wanted = paths.map((path) => relative(ROOT, resolve(path)));
  const chosen = all.filter(
    (file) =>
      wanted.length === 0 || wanted.some((path) => file === path || file.startsWith(`${path}/`)),
  );
  const [engine = [], others = []] = [true, false].map((driven) =>
    chosen.filter((file) => ENGINE_TESTS.test(file) === driven),
  );
  return [
    ...others,
    ...engine.filter((file) => LONG_TESTS.test(file)),
    ...engine.filter((file) => !LONG_TESTS.test(file)),
  ];
}

async function prepare(chosen: readonly string[]): Promise<void> {
  // node_modules/.bin first: its `node` is the one that everything is written for.
  const path = [join(ROOT, "node_modules/.bin")];
  const build = spawnSync(process.execPath, [join(ROOT, "tools/build.ts")], { stdio: "inherit" });
  if (build.status !== 0) process.exit(build.status ?? 1);
  if (chosen.some((file) => ENGINE_TESTS.test(file))) {
    try {
      path.push((await pulumiCli(process.env, stop.signal)).directory);
    } catch (error) {
      console.error(error instanceof Error ? error.message : error);
      process.exit(1);
    }
  }
  process.env.PATH = [...path, process.env.PATH].join(delimiter);
}

async function runTests(chosen: readonly string[], directory: string): Promise<void> {
  const limit = setTimeout(() => {
    console.error(`The tests took longer than ${RUN_LIMIT_MS / 60_000} minutes and are ended.`);
    stop.abort();
  }, RUN_LIMIT_MS);

  process.exitCode = 1;
  const tests = run({
    files: chosen.map((file) => join(ROOT, file)),
    concurrency: CONCURRENCY,
    timeout: TEST_LIMIT_MS,
    signal: stop.signal,
    execArgv: ["--import", join(import.meta.dirname, "runner/file-limit.ts")],
    ...(values.name === undefined ? {} : { testNamePatterns: values.name }),
  });
  const endProgress = showProgress(tests, { files: chosen, root: ROOT });
  tests.on("test:summary", (summary) => {
    if (summary.file === undefined && summary.success) process.exitCode = 0;
  });
  for await (const text of tests.compose(new spec())) process.stdout.write(text);
  clearTimeout(limit);
  endProgress();

  for (const leftBehind of await endLeftBehind(directory)) {
    console.error(`A test left a process behind (ended now): ${leftBehind}`);
    process.exitCode = 1;
  }
  if (existsSync(directory)) rmSync(directory, { recursive: true, force: true });
  // A handle that the runner forgot must not keep a finished run alive.
  process.exit();
}
