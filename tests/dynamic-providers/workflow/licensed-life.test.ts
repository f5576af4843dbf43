/** A licensed copy after its making: deregistered by others, made again with its licence, removed. */

import assert from "node:assert/strict";
import { after, test } from "node:test";
import { copyImage } from "../../../dynamic-providers/workflow/copy-image.ts";
import type { CopiedImageFacts } from "../../../dynamic-providers/workflow/copy-request.ts";
import { observeImage } from "../../../dynamic-providers/workflow/observe-image.ts";
import { ownImage } from "../../../dynamic-providers/workflow/own-image.ts";
import { removeImage } from "../../../dynamic-providers/workflow/remove-image.ts";
import { restoreImage } from "../../../dynamic-providers/workflow/restore-image.ts";
import { systemClock } from "../../../dynamic-providers/workflow/run-context.ts";
import { sweepRun } from "../../../dynamic-providers/workflow/sweep-run.ts";
import { openCloudBench, QUICK, runId } from "./cloud-bench.ts";
import { licensedBench, WINDOWS } from "./licensed-bench.ts";

const bench = await openCloudBench();
after(() => bench[Symbol.asyncDispose]());
const licensed = licensedBench(bench);
const request = await licensed.importSource("golden windows", WINDOWS);
const identity = await bench.identity(runId(1));
const context = await bench.context("good");
const cloud = bench.clouds().destination;
const PACE = { clock: systemClock, limits: QUICK };

const first = (await copyImage(request, identity, context)).image;
await ownImage(cloud, { imageId: first.imageId, snapshotIds: idsOf(first) }, Date.now());
let facts = first;

function idsOf({ snapshots }: CopiedImageFacts): string[] {
  return snapshots.map(({ snapshotId }) => snapshotId);
}

async function kindsLeft(): Promise<string[]> {
  return (await licensed.leftovers()).map((line) => line.split(" ")[0] ?? "").sort();
}

function launchesSince(index: number): number {
  const since = bench.cloud.calls.slice(index);
  return since.filter(({ action, outcome }) => action === "RunInstances" && outcome === "ok")
    .length;
}

test("a repair that fails leaves the snapshots and nothing else", async () => {
  await cloud.deregisterImage(first.imageId);
  const given = { ...request, licenseDonorAmiId: "ami-00000000" };
  await assert.rejects(restoreImage(first, given, identity, context), {
    name: "CopyError",
    message: /^ami-00000000 does not exist in us-gov-west-1/,
  });
  const attachVolume = async (): Promise<never> => {
    throw new Error("the wire broke");
  };
  const clouds = { ...context.clouds, destination: { ...cloud, attachVolume } };
  await assert.rejects(restoreImage(first, request, identity, { ...context, clouds }), {
    message: "the wire broke",
  });
  assert.deepEqual(await kindsLeft(), ["snapshot", "snapshot"]);
  assert.deepEqual((await observeImage(first, cloud)).snapshotIds, idsOf(first));
});

test("a deregistered image comes back with its licence, its bytes and snapshots of its own", async () => {
  const from = bench.cloud.calls.length;
  ({ image: facts } = await restoreImage(first, request, identity, context));
  assert.equal(launchesSince(from), 1);
  assert.notEqual(facts.imageId, first.imageId);
  assert.deepEqual(facts.license, first.license);
  assert.deepEqual(
    facts.snapshots.map(({ snapshotId: _new, ...same }) => same),
    first.snapshots.map(({ snapshotId: _former, ...same }) => same),
  );
  const [image] = await cloud.describeImages({ imageIds: [facts.imageId] });
  assert.equal(image?.usageOperation, "RunInstances:0002");
  assert.equal(image?.tags.stage, "prod");
  assert.ok(image?.tags["amicopy:owned"]);
  for (const { deviceName, snapshotId } of facts.snapshots) {
    assert.equal(await licensed.hashOf(snapshotId), await licensed.hashOfSource(deviceName));
  }
  const seen = await observeImage(facts, cloud);
  assert.deepEqual([seen.registered, seen.snapshotIds], [true, idsOf(facts)]);
  assert.deepEqual(facts.registration.blockDevices, image?.blockDevices);
});

test("a repair whose answer got lost is taken up, from the facts of before it", async () => {
  const from = bench.cloud.calls.length;
  const { image: again } = await restoreImage(first, request, identity, context);
  assert.equal(launchesSince(from), 0);
  assert.equal(again.imageId, facts.imageId);
  assert.deepEqual(again.snapshots, facts.snapshots);
});

test("the next repair removes what the one before it has kept, and the end removes all", async () => {
  assert.equal((await kindsLeft()).length, 1 + 4);
  await cloud.deregisterImage(facts.imageId);
  const { image: second } = await restoreImage(facts, request, identity, context);
  assert.equal((await kindsLeft()).length, 1 + 4);
  const former = await cloud.describeSnapshots({ ids: idsOf(first) });
  assert.deepEqual(former, []);
  await removeImage(second, cloud, PACE);
  const waiting = { ...PACE, signal: AbortSignal.timeout(60_000) };
  await sweepRun(identity, cloud, "destination", waiting);
  assert.deepEqual(await licensed.leftovers(), []);
});
