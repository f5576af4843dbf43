import assert from "node:assert/strict";
import { test } from "node:test";
import { HelperConsole } from "../../../dynamic-providers/workflow/helper-console.ts";
import { defaultLimits } from "../../../dynamic-providers/workflow/limits.ts";
import { transfer } from "../../../dynamic-providers/workflow/transfer.ts";
import { PROOF_BYTES_PER_MS } from "../../../tsunami/sealed/limits.ts";
import { onlyVerbs, sampleInstance, sampleRequest } from "./samples.ts";
import { virtualClock } from "./virtual-clock.ts";

const SILENCE_MS = 1000;
/** A proof of so much may take five seconds. */
const TOTAL_BYTES = 5000 * PROOF_BYTES_PER_MS;

/** Two helpers that never speak, seen at once and when the limit of their silence is over. */
function watchTwo(
  stateOf: (side: "source" | "destination", isLate: boolean) => string,
  bytesDone?: number,
) {
  const clock = virtualClock();
  const run = {
    clock,
    limits: {
      ...defaultLimits,
      pollFirstMs: SILENCE_MS,
      transferPollMs: SILENCE_MS,
      introductionMs: SILENCE_MS,
      silenceMs: SILENCE_MS,
    },
    signal: new AbortController().signal,
    request: sampleRequest(),
    report: () => undefined,
  };
  const console = (side: "source" | "destination") => {
    const instance = sampleInstance({ instanceId: `i-${side}` });
    const cloud = onlyVerbs({
      consoleOutput: async () => "",
      describeInstances: async () => [{ ...instance, state: stateOf(side, clock.now() > 0) }],
    });
    const undo = { dismiss() {} };
    const helper = { side, instance, address: "192.0.2.1", listens: true, groupId: "sg-1", undo };
    const console = new HelperConsole(cloud, helper, clock.now());
    const progress = { bytesTotal: TOTAL_BYTES, rateBitsPerSecond: 0, lossRatio: 0 };
    if (bytesDone !== undefined) console.progress = { type: "progress", ...progress, bytesDone };
    return console;
  };
  return transfer(run, console("source"), console("destination"), ["snap-1"]);
}

for (const gone of ["source", "destination"] as const) {
  test(`a ${gone} helper that is gone is told, not the silence that both have kept until then`, async () => {
    const watching = watchTwo((side, isLate) =>
      side === gone && isLate ? "terminated" : "running",
    );
    await assert.rejects(watching, {
      code: "helper-lost",
      ids: [`i-${gone}`],
      message: new RegExp(`^the ${gone} helper i-${gone} \\(us-east-1\\) is terminated`),
    });
  });
}

test("helpers that run and say nothing are given up at the limit that the error names", async () => {
  const watching = watchTwo(() => "running");
  await assert.rejects(watching, {
    code: "helper-lost",
    message: /^the source .* has not begun to copy for 1 s/,
  });
});

test("a proof of what is all written has the time that the engine gives it", async () => {
  const running = () => "running";
  const silentFor = (limit: string) => ({
    message: new RegExp(`has said nothing new for ${limit}`),
  });
  await assert.rejects(watchTwo(running, TOTAL_BYTES - 1), silentFor("1 s"));
  await assert.rejects(watchTwo(running, TOTAL_BYTES), silentFor("6 s"));
});
