/** The window in which a foreign image runs in our account: whatever happens in it, nothing is left. */

import assert from "node:assert/strict";
import { after, test } from "node:test";
import type { Ec2 } from "../../../dynamic-providers/ec2/ec2.ts";
import { type CopyError, isCopyError } from "../../../dynamic-providers/workflow/copy-error.ts";
import type { RunContext } from "../../../dynamic-providers/workflow/run-context.ts";
import { sweepRun } from "../../../dynamic-providers/workflow/sweep-run.ts";
import { cloudError, kindsOf, openBootBench, PACE } from "./boot-bench.ts";
import { KNOWN_WITHOUT_A_CALL } from "./cloud-bench.ts";

const boot = await openBootBench();
after(() => boot[Symbol.asyncDispose]());

const { bench, copyOf, withSource } = boot;

async function failed(running: Promise<unknown>): Promise<CopyError> {
  try {
    await running;
  } catch (error) {
    assert.ok(isCopyError(error), `not a CopyError: ${error}`);
    return error;
  }
  return assert.fail("the copy did not fail");
}

/** What goes wrong once in the window, and the copy is made all the same. */
const OVERCOME: readonly [string, (real: Ec2, isFirst: () => boolean) => Partial<Ec2>][] = [
  [
    "the answer to the launch is lost",
    (real, isFirst) => ({ bootImage: (asked) => lost(() => real.bootImage(asked), isFirst) }),
  ],
  [
    "the answer to the stop is lost",
    (real, isFirst) => ({
      async stopInstance(id) {
        await real.stopInstance(id);
        if (isFirst()) await real.stopInstance(id);
      },
    }),
  ],
  [
    "the answer to the snapshots is lost",
    (real, isFirst) => ({
      createSnapshots: (asked) => lost(() => real.createSnapshots(asked), isFirst),
    }),
  ],
  [
    "the snapshots are never answered, but made",
    (real) => ({
      createSnapshots: (asked) =>
        lost(
          () => real.createSnapshots(asked),
          () => true,
        ),
    }),
  ],
  [
    "the snapshots of a lost answer are not seen for so long that they are made again",
    (real, isFirst) => ({
      createSnapshots: (asked) => lost(() => real.createSnapshots(asked), isFirst),
      ...hidden(real, 3 * PACE.limits.lostAnswerMs),
    }),
  ],
  [
    "the snapshots are throttled",
    (real, isFirst) => ({
      async createSnapshots(asked) {
        if (isFirst()) throw cloudError("throttled", "CreateSnapshots");
        return real.createSnapshots(asked);
      },
    }),
  ],
];

/** EC2 is eventually consistent: for a while interim snapshots are in no list. */
function hidden(real: Ec2, ms: number): Partial<Ec2> {
  let endMs = Number.POSITIVE_INFINITY;
  return {
    async describeSnapshots(query) {
      if (query.tags?.["amicopy:role"] !== "interim-snapshot") return real.describeSnapshots(query);
      endMs = Math.min(endMs, performance.now() + ms);
      return performance.now() < endMs ? [] : real.describeSnapshots(query);
    },
  };
}

async function lost<Answer>(call: () => Promise<Answer>, isFirst: () => boolean): Promise<Answer> {
  const answer = await call();
  if (isFirst()) throw cloudError("unreachable", "Test");
  return answer;
}

for (const [index, [what, verbs]] of OVERCOME.entries()) {
  test(`when ${what} the copy is made and nothing else is left`, async () => {
    let count = 0;
    const result = await copyOf(0x10 + index, {
      ...withSource((real) => verbs(real, () => count++ === 0)),
    });
    await boot.assertEqual(result);
    await boot.removeOnly(result);
  });
}

/** What ends the copy in the window. */
const FAILING: readonly [string, (real: Ec2) => Partial<Ec2>, RegExp][] = [
  [
    "the launch is refused",
    () => ({
      async bootImage() {
        throw cloudError("denied", "RunInstances");
      },
    }),
    /^boot-source: no$/,
  ],
  [
    "the launch is never answered",
    (real) => ({
      bootImage: (asked) =>
        lost(
          () => real.bootImage(asked),
          () => true,
        ),
    }),
    /^boot-source: no$/,
  ],
  [
    "it ends before it runs",
    (real) => ({
      async bootImage(asked) {
        const instance = await real.bootImage(asked);
        await real.terminateInstance(instance.instanceId);
        return instance;
      },
    }),
    /^instance i-\S+ in us-east-1 is (shutting-down|terminated) before it ran/,
  ],
  [
    "the stop is refused",
    () => ({
      async stopInstance() {
        throw cloudError("denied", "StopInstances");
      },
    }),
    /^boot-source: no$/,
  ],
  [
    "it ends before it is stopped",
    (real) => ({ stopInstance: (id) => real.terminateInstance(id) }),
    /^instance i-\S+ in us-east-1 is (shutting-down|terminated) before it was stopped/,
  ],
  [
    "the snapshots are refused",
    () => ({
      async createSnapshots() {
        throw cloudError("denied", "CreateSnapshots");
      },
    }),
    /^boot-source: no$/,
  ],
];

for (const [index, [what, verbs, message]] of FAILING.entries()) {
  test(`when ${what} the copy fails with one reason and nothing is left`, async () => {
    const error = await failed(copyOf(0x20 + index, withSource(verbs)));
    assert.match(error.message, message);
    assert.deepEqual(error.leftBehind, []);
    assert.deepEqual(await bench.leftovers(), []);
  });
}

for (const [index, moment] of [/starting/, /stopping/, /snapshots of/, /terminated,/].entries()) {
  test(`a stop at "${moment.source}" leaves nothing`, async () => {
    const stop = new AbortController();
    const report: RunContext["report"] = (row, text) => {
      if (row === "source" && moment.test(text)) stop.abort(new Error("Ctrl-C"));
    };
    const error = await failed(copyOf(0x30 + index, { signal: stop.signal, report }));
    assert.equal(error.code, "stopped");
    assert.deepEqual(error.leftBehind, []);
    assert.deepEqual(await bench.leftovers(), []);
  });
}

/** The process dies with this call of the source's side: it is done, and no other is ever made. */
function dyingAt(verb: keyof Ec2, count: number): RunContext["clouds"] {
  let calls = 0;
  let dead = false;
  const wrap = (ec2: Ec2, isSource: boolean): Ec2 =>
    new Proxy(ec2, {
      get(target, name) {
        const value: unknown = Reflect.get(target, name);
        if (typeof value !== "function" || KNOWN_WITHOUT_A_CALL.has(name)) return value;
        return async (...args: unknown[]) => {
          if (dead) throw cloudError("credentials", String(name));
          if (!isSource || name !== verb) return value.apply(target, args);
          calls++;
          if (calls === count) dead = true;
          const answer = await value.apply(target, args);
          if (dead) throw cloudError("credentials", String(name));
          return answer;
        };
      },
    });
  const { source, destination } = bench.clouds();
  return { source: wrap(source, true), destination: wrap(destination, false) };
}

const DEATHS: readonly [keyof Ec2, number, string][] = [
  ["bootImage", 1, "instance"],
  ["stopInstance", 1, "instance"],
  ["createSnapshots", 1, "snapshot"],
  ["terminateInstance", 1, "snapshot"],
  ["runInstance", 1, "snapshot"],
];

for (const [index, [verb, count, kind]] of DEATHS.entries()) {
  const number = 0x40 + 2 * index;

  test(`a process that dies with ${verb} leaves what the next attempt ends and does anew`, async () => {
    await failed(copyOf(number, { clouds: dyingAt(verb, count) }));
    assert.ok(kindsOf(await bench.leftovers()).includes(kind));
    const result = await copyOf(number);
    assert.equal(result.attempt, 2);
    await boot.assertEqual(result);
    await boot.removeOnly(result);
  });

  test(`a process that dies with ${verb} leaves what a sweep finds`, async () => {
    await failed(copyOf(number + 1, { clouds: dyingAt(verb, count) }));
    const waiting = { ...PACE, signal: AbortSignal.timeout(60_000) };
    const { source, destination } = bench.clouds();
    const identity = boot.identityOf(number + 1);
    await sweepRun(identity, source, "source", waiting);
    await sweepRun(identity, destination, "destination", waiting);
    assert.deepEqual(await bench.leftovers(), []);
  });
}
