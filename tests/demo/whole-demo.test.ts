import assert from "node:assert/strict";
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, afterEach, before, describe, it } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { writtenBelow } from "../e2e/stack.ts";
import { findSecrets, type Trace } from "../security/secret-search.ts";

const ROOT = join(import.meta.dirname, "../..");

/** Stands for the person in `npm run demo -- shell`, who types `pulumi preview`. */
const PREVIEW_SHELL = join(import.meta.dirname, "preview-shell.sh");

interface Finished {
  readonly code: number | null;
  readonly output: string;
}

class Demo {
  readonly child: ChildProcess;
  readonly finished: Promise<Finished>;
  output = "";

  constructor(directory: string, verbs: readonly string[]) {
    this.child = spawn(process.execPath, [join(ROOT, "demo/main.ts"), ...verbs], {
      env: { ...process.env, AMICOPY_DEMO_DIRECTORY: directory, SHELL: PREVIEW_SHELL },
      stdio: ["ignore", "pipe", "pipe"],
    });
    for (const stream of [this.child.stdout, this.child.stderr]) {
      stream?.setEncoding("utf8").on("data", (text: string) => {
        this.output += text;
      });
    }
    this.finished = once(this.child, "close").then(([code]) => ({ code, output: this.output }));
  }

  async until(pattern: RegExp): Promise<void> {
    const limitMs = performance.now() + 120_000;
    while (!pattern.test(this.output)) {
      assert.ok(performance.now() < limitMs, `waited in vain for ${pattern} in:\n${this.output}`);
      assert.equal(this.child.exitCode, null, this.output);
      await sleep(50);
    }
  }
}

function processesOf(directory: string): string[] {
  return readdirSync("/proc").filter((name) => {
    if (!/^\d+$/.test(name) || Number(name) === process.pid) return false;
    try {
      const texts = ["cmdline", "environ"].map((file) => readFileSync(`/proc/${name}/${file}`));
      return texts.some((text) => text.includes(directory));
    } catch {
      return false;
    }
  });
}

async function assertNothingRuns(directory: string): Promise<void> {
  const limitMs = performance.now() + 10_000;
  let running = processesOf(directory);
  while (running.length > 0 && performance.now() < limitMs) {
    await sleep(100);
    running = processesOf(directory);
  }
  assert.deepEqual(running, []);
}

describe("the demo", { timeout: 400_000 }, () => {
  let directory: string;
  const started: Demo[] = [];
  const printed: Trace[] = [];

  before(() => {
    directory = mkdtempSync(join(tmpdir(), "amicopy-demo-"));
  });
  after(() => rmSync(directory, { recursive: true, force: true }));
  afterEach(async () => {
    for (const demo of started.splice(0)) demo.child.kill("SIGKILL");
    await new Demo(directory, ["stop"]).finished;
  });

  function demo(...verbs: string[]): Demo {
    const one = new Demo(directory, verbs);
    started.push(one);
    return one;
  }

  async function succeeds(...verbs: string[]): Promise<string> {
    const { code, output } = await demo(...verbs).finished;
    printed.push({ place: `output of demo ${verbs.join(" ")}`, content: output });
    assert.equal(code, 0, output);
    return output;
  }

  it("copies, proves, and goes on by hand until it is destroyed", async () => {
    const whole = await succeeds("--small");
    const { env } = JSON.parse(readFileSync(join(directory, "demo.json"), "utf8"));
    assert.match(whole, /\/dev\/xvda {2}snap-\w+: all 1073741824 bytes are equal/);
    assert.match(whole, /\/dev\/sdf {2}snap-\w+: all 2147483648 bytes are equal/);
    assert.match(whole, /time on this machine +\d+ s +\d+ s\n +time on AWS +\d+ s +not measured/);
    assert.match(whole, / i-\w+ +gone/);
    assert.match(whole, / ami-\w+ +left \(image, available\)/);
    assert.doesNotMatch(whole, / (?:i|vol|sg)-\w+ +left/);

    assert.match(await succeeds("up"), /unchanged/);
    await succeeds("drift", "description");
    assert.match(await succeeds("refresh"), /its description is "changed by hand"[\s\S]*1 updated/);
    assert.match(await succeeds("shell"), /1 to update/);
    assert.match(await succeeds("up"), /1 updated/);
    assertNoSecrets(directory, env);
    const end = await succeeds("destroy");
    assert.doesNotMatch(end, /us-gov-west-1/);
    await assertNothingRuns(directory);
    assert.equal(existsSync(directory), false);
  });

  it("copies what AWS bills as Windows with its licence, and leaves nothing of the donor", async () => {
    const whole = await succeeds("licensed", "--small");
    assert.match(whole, /\/dev\/sda1 {2}snap-\w+: all 1073741824 bytes are equal/);
    assert.match(whole, /UsageOperation +RunInstances:0002 +RunInstances:0002 +the same/);
    assert.match(whole, /TpmSupport +v2\.0 +v2\.0 +the same/);
    assert.match(whole, /The licence was lent by ami-\w+ \(TPM-Windows_Server-2022-/);
    assert.match(whole, / ami-\w+ +left \(image, available\)/);
    assert.doesNotMatch(whole, / (?:i|vol|sg)-\w+ +left/);
    assert.match(await succeeds("up"), /unchanged/);
    assert.doesNotMatch(await succeeds("destroy"), /us-gov-west-1/);
  });

  /** In what the demo has printed, and what Pulumi and localcloud have written of it. */
  function assertNoSecrets(folder: string, env: Record<string, string>): void {
    const secrets = Object.entries(env)
      .filter(([name]) => /_KEY_ID$|_ACCESS_KEY$|_TOKEN$/.test(name))
      .map(([name, value]) => ({ name, value }));
    assert.equal(secrets.length, 5);
    const log = join(folder, "localcloud.log");
    const traces = [
      ...printed,
      ...writtenBelow(join(folder, "stack")),
      { place: log, content: readFileSync(log) },
    ];
    assert.ok(
      traces.some(({ place }) => place.startsWith("state/")),
      "the state is among them",
    );
    assert.deepEqual(findSecrets(traces, secrets), []);
  }

  it("starts an image that may not be read once, copies it, and says so", async () => {
    const whole = await succeeds("unreadable", "--small");
    assert.match(whole, /DescribeSnapshots +no: InvalidSnapshot\.NotFound/);
    assert.match(whole, /CopyImage +no: InvalidRequest: You do not have permission to access/);
    assert.match(whole, /\/dev\/xvda {2}snap-\w+: all 1073741824 bytes are equal/);
    assert.match(whole, /\/dev\/sdf {2}snap-\w+: all 2147483648 bytes are equal/);
    assert.match(whole, /content: as published → booted once, asked for with allowBootOfSource/);
    assert.equal(whole.match(/us-east-1 +snap-\w+ +gone/g)?.length, 2, "interim snapshots");
    assert.doesNotMatch(whole, /us-east-1 +(?:i|vol|sg|snap)-\w+ +left/);
    assert.doesNotMatch(whole, / (?:i|vol|sg)-\w+ +left/);
    await succeeds("stop");
    await assertNothingRuns(directory);
    assert.equal(existsSync(directory), false);
  });

  for (const moment of [/The source AMI/, /amicopy:index:CopiedAmi/]) {
    it(`leaves nothing running when it is interrupted at ${moment.source}`, async () => {
      const interrupted = demo("--small");
      await interrupted.until(moment);
      interrupted.child.kill("SIGINT");
      const { code, output } = await interrupted.finished;
      assert.equal(code, 130, output);
      await assertNothingRuns(directory);
      assert.equal(existsSync(directory), false);
    });
  }

  it("ends its localcloud when it is killed", async () => {
    const killed = demo("--small");
    await killed.until(/amicopy:index:CopiedAmi/);
    killed.child.kill("SIGKILL");
    await killed.finished;
    const limitMs = performance.now() + 30_000;
    while (processesOf(directory).some(isKeeper)) {
      assert.ok(performance.now() < limitMs, "localcloud is still there");
      await sleep(100);
    }
  });

  it("says what to do when there is nothing to go on with", async () => {
    const { code, output } = await demo("refresh").finished;
    assert.equal(code, 1);
    assert.match(output, /first `npm run demo`/);
  });
});

function isKeeper(pid: string): boolean {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, "utf8").includes("keep-localcloud");
  } catch {
    return false;
  }
}
