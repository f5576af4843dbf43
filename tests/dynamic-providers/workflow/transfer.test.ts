import assert from "node:assert/strict";
import { test } from "node:test";
import { HelperConsole } from "../../../dynamic-providers/workflow/helper-console.ts";
import { defaultLimits } from "../../../dynamic-providers/workflow/limits.ts";
import { transfer } from "../../../dynamic-providers/workflow/transfer.ts";
import { onlyVerbs, sampleInstance, sampleRequest } from "./samples.ts";
import { virtualClock } from "./virtual-clock.ts";

const SILENCE_MS = 1000;

/** Two helpers that never speak, seen at once and when the limit of their silence is over. */
function watchTwo(stateOf: (side: "source" | "destination", isLate: boolean) => string) {
  const clock = virtualClock();
  const run = {
    clock,
    limits: {
      ...defaultLimits,
      pollFirstMs: SILENCE_MS,
      transferPollMs: SILENCE_MS,
      introductionMs: SILENCE_MS,
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
    return new HelperConsole(cloud, helper, clock.now());
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
    message: /^the source .* never started for 1 s/,
  });
});
