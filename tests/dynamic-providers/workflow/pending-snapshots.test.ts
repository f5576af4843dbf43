/** Snapshots of full volumes take hours: what was proved is not sent again because they were not waited for. */

import assert from "node:assert/strict";
import { after, test } from "node:test";
import { copyImage } from "../../../dynamic-providers/workflow/copy-image.ts";
import { removeImage } from "../../../dynamic-providers/workflow/remove-image.ts";
import { openCloudBench, runId } from "./cloud-bench.ts";

const bench = await openCloudBench({
  delays: {
    instancePending: 50,
    instanceStopping: 50,
    volumeCreating: 0,
    snapshotPending: 6_000,
    imagePending: 100,
  },
});
after(() => bench[Symbol.asyncDispose]());

test("a run that ends while they are pending leaves them, and the next waits for them", async () => {
  const identity = await bench.identity(runId(1));
  const stop = new AbortController();
  const report = (_row: string, text: string) => {
    if (text.startsWith("snapshots ")) stop.abort();
  };
  const context = await bench.context("good", { signal: stop.signal, report });
  await assert.rejects(copyImage(bench.request, identity, context), { code: "stopped" });
  const kept = await bench.leftovers();
  assert.deepEqual(
    kept.map((line) => line.replace(/ snap-\S+/, "")),
    ["snapshot pending", "snapshot pending"],
  );
  const from = bench.cloud.calls.length;
  const again = await bench.context("good");
  const { image, helpers } = await copyImage(bench.request, identity, again);
  assert.equal(helpers.source.outcome, "not-needed");
  const made = bench.cloud.calls.slice(from).map(({ action }) => action);
  assert.ok(!made.includes("CreateSnapshot") && !made.includes("RunInstances"));
  for (const { snapshotId } of image.snapshots) {
    assert.ok(kept.includes(`snapshot ${snapshotId} pending`));
  }
  await removeImage(image, again.clouds.destination, again);
  assert.deepEqual(await bench.leftovers(), []);
});
