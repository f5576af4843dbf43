/** Whose a finished image is, and what becomes of one whose owner was killed before it knew. */

import assert from "node:assert/strict";
import { after, test } from "node:test";
import type { Ec2 } from "../../../dynamic-providers/ec2/ec2.ts";
import { copyImage } from "../../../dynamic-providers/workflow/copy-image.ts";
import type {
  CopiedImageFacts,
  RunIdentity,
} from "../../../dynamic-providers/workflow/copy-request.ts";
import { ownImage } from "../../../dynamic-providers/workflow/own-image.ts";
import { removeImage } from "../../../dynamic-providers/workflow/remove-image.ts";
import { restoreImage } from "../../../dynamic-providers/workflow/restore-image.ts";
import { systemClock } from "../../../dynamic-providers/workflow/run-context.ts";
import { sweepLeftovers, sweepRun } from "../../../dynamic-providers/workflow/sweep-run.ts";
import { KNOWN_WITHOUT_A_CALL, openCloudBench, QUICK, runId } from "./cloud-bench.ts";

const bench = await openCloudBench();
after(() => bench[Symbol.asyncDispose]());

const cloud = bench.clouds().destination;
const waiting = { clock: systemClock, limits: QUICK, signal: AbortSignal.timeout(60_000) };

async function copied(number: number): Promise<{ run: RunIdentity; image: CopiedImageFacts }> {
  const run = await bench.identity(runId(number));
  const { image } = await copyImage(bench.request, run, await bench.context("good"));
  return { run, image };
}

function own({ imageId, snapshots }: CopiedImageFacts): Promise<void> {
  const snapshotIds = snapshots.map(({ snapshotId }) => snapshotId);
  return ownImage(cloud, { imageId, snapshotIds }, Date.now());
}

/** An EC2 whose caller is killed as soon as this call has been answered. */
function dyingAfter(verb: keyof Ec2): Ec2 {
  let isDead = false;
  return new Proxy(cloud, {
    get(target, name) {
      const value = Reflect.get(target, name);
      if (typeof value !== "function" || KNOWN_WITHOUT_A_CALL.has(name)) return value;
      return async (...given: unknown[]) => {
        if (isDead) throw new Error("killed");
        const answer = await value.apply(target, given);
        isDead = name === verb;
        return answer;
      };
    },
  });
}

test("a finished image that no state has is left by hand's sweep and ended by its run's", async () => {
  const { run } = await copied(1);
  assert.deepEqual(await sweepLeftovers(run.runId, cloud, waiting), []);
  const removed = await sweepRun(run, cloud, "destination", waiting);
  assert.match(removed.join(), /^image ami-\w+,snapshot snap-\w+,snapshot snap-\w+$/);
  assert.deepEqual(await bench.leftovers(), []);
});

test("an image that a stack owns is touched by no sweep, and nothing of it expires", async () => {
  const { run, image } = await copied(2);
  await own(image);
  await own(image);
  const before = await bench.leftovers();
  assert.deepEqual(await sweepRun(run, cloud, "destination", waiting), []);
  assert.deepEqual(await bench.leftovers(), before);
  const tags = { "amicopy:expires": undefined };
  assert.deepEqual(await cloud.describeImages({ owner: "self", tags }), []);
  assert.deepEqual(await cloud.describeSnapshots({ tags }), []);
  await removeImage(image, cloud, waiting);
  assert.deepEqual(await bench.leftovers(), []);
});

test("an image that is gone cannot be owned, and the error says what to do", async () => {
  const { image } = await copied(3);
  await removeImage(image, cloud, waiting);
  await assert.rejects(own(image), {
    code: "product-failed",
    hint: "Run `pulumi refresh`, then `pulumi up`: what is missing is made again.",
  });
});

test("a repair that was killed half-way is found by the next one, and by the end", async () => {
  const { run, image } = await copied(4);
  await own(image);
  await cloud.deregisterImage(image.imageId);
  const context = await bench.context("good");
  const clouds = { ...context.clouds, destination: dyingAfter("registerImage") };
  await assert.rejects(restoreImage(image, bench.request, run, { ...context, clouds }), /killed/);
  const [orphan] = await bench.leftovers();
  const [, orphanId] = /^image (ami-\w+) /.exec(orphan ?? "") ?? [];
  const { image: restored } = await restoreImage(image, bench.request, run, context);
  assert.equal(restored.imageId, orphanId);
  // Killed again, before the new id could be saved: the row still has the old one.
  await removeImage(image, cloud, waiting);
  assert.deepEqual(await bench.leftovers(), []);
});
