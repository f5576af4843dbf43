/** A copy after its making: seen, changed, restored, removed. */

import assert from "node:assert/strict";
import { after, test } from "node:test";
import { copyImage } from "../../../dynamic-providers/workflow/copy-image.ts";
import { observeImage } from "../../../dynamic-providers/workflow/observe-image.ts";
import { removeImage } from "../../../dynamic-providers/workflow/remove-image.ts";
import { restoreImage } from "../../../dynamic-providers/workflow/restore-image.ts";
import { updateImage } from "../../../dynamic-providers/workflow/update-image.ts";
import { openCloudBench, runId } from "./cloud-bench.ts";

const bench = await openCloudBench();
after(() => bench[Symbol.asyncDispose]());

const request = { ...bench.request, tags: { team: "a", stage: "x" } };
const identity = await bench.identity(runId(1));
const context = await bench.context("good");
const cloud = bench.clouds().destination;
let facts = (await copyImage(request, identity, context)).image;

const WISHES = {
  description: "",
  tags: { team: "a", stage: "x" },
  launchPermissions: [],
  disabled: false,
};

test("a fresh copy is seen as it is wanted", async () => {
  const seen = await observeImage(facts, cloud);
  assert.deepEqual(seen, {
    registered: true,
    ...WISHES,
    snapshotIds: facts.snapshots.map(({ snapshotId }) => snapshotId),
  });
});

test("what was changed by others is seen and put right; their extra tags stay", async () => {
  await cloud.setImageDescription(facts.imageId, "changed");
  await cloud.setTags([facts.imageId], { team: "z", theirs: "1" });
  await cloud.changeLaunchPermissions(facts.imageId, {
    add: [{ userId: "200000000002" }],
    remove: [],
  });
  const deprecation = new Date(Date.now() + 30 * 86_400_000).toISOString();
  await cloud.setImageDeprecation(facts.imageId, deprecation);
  const seen = await observeImage(facts, cloud);
  assert.equal(seen.description, "changed");
  assert.deepEqual(seen.tags, { team: "z", stage: "x", theirs: "1" });
  assert.deepEqual(seen.launchPermissions, [{ userId: "200000000002" }]);
  assert.ok(seen.deprecationTime);

  facts = await updateImage(facts, { ...WISHES, tags: { team: "a" } }, cloud);
  const after = await observeImage(facts, cloud);
  assert.equal(after.description, "");
  assert.deepEqual(after.tags, { team: "a", theirs: "1" }, "stage is no longer wanted");
  assert.deepEqual(after.launchPermissions, []);
  assert.equal(after.deprecationTime, undefined);
  assert.deepEqual(facts.imageTags, { team: "a" });
});

test("a disabled image is seen and enabled again", async () => {
  await cloud.setImageDisabled(facts.imageId, true);
  assert.equal((await observeImage(facts, cloud)).disabled, true);
  facts = await updateImage(facts, { ...WISHES, tags: facts.imageTags }, cloud);
  assert.equal((await observeImage(facts, cloud)).disabled, false);
});

test("a deregistered image comes back from its snapshots, without helpers", async () => {
  const lost = facts.imageId;
  await cloud.deregisterImage(lost);
  const seen = await observeImage(facts, cloud);
  assert.equal(seen.registered, false);
  assert.equal(seen.snapshotIds.length, 2);
  ({ image: facts } = await restoreImage(facts, request, identity, context));
  assert.notEqual(facts.imageId, lost);
  assert.equal(facts.imageArn.split("/")[1], facts.imageId);
  assert.deepEqual((await observeImage(facts, cloud)).tags, { team: "a" });
});

test("another account's answer is no answer", async () => {
  const other = { ...request, destination: { region: "us-gov-west-1", profile: "aws-us-gov-2" } };
  const stranger = bench.clouds(other).destination;
  for (const asked of [observeImage(facts, stranger), removeImage(facts, stranger)]) {
    await assert.rejects(asked, { name: "CopyError", code: "wrong-account" });
  }
});

test("a snapshot that another image uses keeps both, and the image is named", async () => {
  const { registration } = facts;
  const name = "made by somebody";
  const otherId = await cloud.registerImage({ ...registration, name, tags: { a: "b" } });
  await assert.rejects(removeImage(facts, cloud), (error: Error) => {
    assert.match(error.message, new RegExp(`cannot be deleted: ${otherId} uses it as well`));
    return true;
  });
  await cloud.deregisterImage(otherId);
});

test("removing is complete and may be repeated", async () => {
  await removeImage(facts, cloud);
  assert.deepEqual(await bench.leftovers(), []);
  await removeImage(facts, cloud);
  const seen = await observeImage(facts, cloud);
  assert.deepEqual([seen.registered, seen.snapshotIds], [false, []]);
});
