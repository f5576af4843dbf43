/** What a row of a stack has, no second row of the same run can have. */

import assert from "node:assert/strict";
import { after, test } from "node:test";
import { checkUnowned } from "../../../dynamic-providers/workflow/check-unowned.ts";
import { copyImage } from "../../../dynamic-providers/workflow/copy-image.ts";
import { ownImage } from "../../../dynamic-providers/workflow/own-image.ts";
import { openCloudBench, runId } from "./cloud-bench.ts";

const bench = await openCloudBench();
after(() => bench[Symbol.asyncDispose]());

const clouds = bench.clouds();
const check = (id: string) => checkUnowned(clouds, bench.request, id);

test("a run of which nothing is there, or nothing that a state has, may have a row", async () => {
  await check(runId(1));
  await copyImage(bench.request, await bench.identity(runId(2)), await bench.context("good"));
  await check(runId(2));
});

test("a run whose image, or all of whose snapshots, a row has may not", async () => {
  const run = await bench.identity(runId(3));
  const { image } = await copyImage(bench.request, run, await bench.context("good"));
  const { imageId } = image;
  const snapshotIds = image.snapshots.map(({ snapshotId }) => snapshotId);
  await ownImage(clouds.destination, { imageId, snapshotIds }, Date.now());
  await assert.rejects(check(run.runId), {
    code: "preflight",
    message: `a row of the stack has the image ${imageId} of run ${run.runId} already`,
    hint: /^Replace the row CopyRun instead/,
  });

  await clouds.destination.deregisterImage(imageId);
  await assert.rejects(check(run.runId), {
    message: /^the image of run 0{15}3 is gone from us-gov-west-1, and a row .* all its snapshots$/,
    hint: /^Run `pulumi refresh`, then `pulumi up`/,
  });

  await clouds.destination.deleteSnapshot(snapshotIds[0] ?? "");
  await check(run.runId);
});
