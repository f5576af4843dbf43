import assert from "node:assert/strict";
import { test } from "node:test";
import { CloudError } from "../../../dynamic-providers/ec2/cloud-error.ts";
import { isCopyError } from "../../../dynamic-providers/workflow/copy-error.ts";
import { defaultLimits } from "../../../dynamic-providers/workflow/limits.ts";
import { systemClock } from "../../../dynamic-providers/workflow/run-context.ts";
import { waitUntil } from "../../../dynamic-providers/workflow/wait-until.ts";
import { virtualClock } from "./virtual-clock.ts";

function waiting(signal = new AbortController().signal) {
  return { clock: virtualClock(), limits: defaultLimits, signal };
}

function cloudError(kind: "throttled" | "denied") {
  return new CloudError("no", { kind, code: "X", operation: "Y", region: "z" });
}

test("a wait starts quick, gets slower, and ends with the answer", async () => {
  const w = waiting();
  let looks = 0;
  const options = { step: "s", what: "it", limitMs: 600_000 };
  const answer = await waitUntil(w, options, async () => (++looks > 50 ? "there" : undefined));
  assert.equal(answer, "there");
  assert.equal(w.clock.sleeps[0], defaultLimits.pollFirstMs);
  assert.equal(w.clock.sleeps.at(-1), defaultLimits.pollLongestMs);
});

test("a wait that is over names what it waited for and for how long", async () => {
  const options = {
    step: "s",
    what: "snapshot snap-1 to complete",
    limitMs: 900_000,
    ids: ["snap-1"],
  };
  await assert.rejects(
    waitUntil(waiting(), options, async () => undefined),
    (error: unknown) => {
      assert.ok(isCopyError(error, "timed-out"));
      assert.equal(error.message, "gave up waiting for snapshot snap-1 to complete after 15 min");
      assert.deepEqual(error.ids, ["snap-1"]);
      return true;
    },
  );
});

test("throttling does not end a wait, a refusal does", async () => {
  let looks = 0;
  const options = { step: "s", what: "it", limitMs: 60_000 };
  const answer = await waitUntil(waiting(), options, async () => {
    if (++looks < 3) throw cloudError("throttled");
    return looks;
  });
  assert.equal(answer, 3);
  await assert.rejects(
    waitUntil(waiting(), options, async () => {
      throw cloudError("denied");
    }),
    { kind: "denied" },
  );
});

test("an abort ends a wait in the middle of a pause with its own reason", async () => {
  const controller = new AbortController();
  const reason = new Error("enough");
  const running = waitUntil(
    {
      clock: systemClock,
      limits: { ...defaultLimits, pollFirstMs: 60_000, pollLongestMs: 60_000 },
      signal: controller.signal,
    },
    { step: "s", what: "it", limitMs: 60_000 },
    async () => undefined,
  );
  setImmediate(() => controller.abort(reason));
  await assert.rejects(running, reason);
});
