/** A snapshot whose answer was lost, and which EC2 does not show before it is made again. */

import assert from "node:assert/strict";
import { after, test } from "node:test";
import { copyImage } from "../../../dynamic-providers/workflow/copy-image.ts";
import { removeImage } from "../../../dynamic-providers/workflow/remove-image.ts";
import { openCloudBench, QUICK, runId } from "./cloud-bench.ts";

const bench = await openCloudBench();
after(() => bench[Symbol.asyncDispose]());

test("is gone when the copy is there", async () => {
  await bench.cloud.setFaults({
    faults: [
      { fault: "no-answer", action: "CreateSnapshot", nth: 1, done: true },
      { fault: "lag", of: ["snapshot"], forMs: 3 * QUICK.lostAnswerMs },
    ],
  });
  const context = await bench.context("good");
  const { image } = await copyImage(bench.request, await bench.identity(runId(1)), context);
  const made = bench.cloud.calls.filter(({ action }) => action === "CreateSnapshot");
  assert.equal(made.length, 1 + image.snapshots.length);
  const left = (await bench.leftovers()).map((line) => line.split(" ")[1]);
  const kept = [image.imageId, ...image.snapshots.map(({ snapshotId }) => snapshotId)];
  assert.deepEqual(left.toSorted(), kept.toSorted());
  await removeImage(image, context.clouds.destination, context);
  assert.deepEqual(await bench.leftovers(), []);
});
