import assert from "node:assert/strict";
import { test } from "node:test";
import { driftOf } from "../../dynamic-providers/drift.ts";
import {
  attainable,
  changedWishes,
  needsSource,
  wishesChanged,
} from "../../dynamic-providers/image-wishes.ts";
import type { CopyRequest, ImageWishes } from "../../dynamic-providers/workflow/copy-request.ts";
import type { ObservedImage } from "../../dynamic-providers/workflow/observe-image.ts";
import { sampleRequest } from "./workflow/samples.ts";

const WANTED: ImageWishes = {
  description: "d",
  tags: { team: "a", copied: "1" },
  launchPermissions: [{ userId: "1" }],
  snapshotPermissions: { "snap-1": [{ userId: "1" }] },
  disabled: false,
};
const SOURCE: ImageWishes = {
  description: "of the source",
  tags: { copied: "2" },
  launchPermissions: [{ userId: "9" }],
  snapshotPermissions: { "snap-1": [{ userId: "9" }] },
  disabled: false,
};
const before = sampleRequest({ tags: { team: "a" }, copyLaunchPermissions: { accountIds: {} } });
const { copyLaunchPermissions: _permissions, ...unshared } = before;
const remapped: CopyRequest = { ...before, copyLaunchPermissions: { accountIds: { "1": "9" } } };

test("the source is asked only for what was taken back, and for permissions", () => {
  assert.equal(needsSource(before, { ...before, description: "new" }), false);
  assert.equal(needsSource({ ...before, description: "old" }, before), true);
  assert.equal(needsSource(before, { ...before, tags: { team: "b", more: "x" } }), false);
  assert.equal(needsSource(before, { ...before, tags: {} }), true);
  assert.equal(needsSource({ ...before, copyTags: false }, before), true);
  assert.equal(needsSource(before, remapped), true);
});

test("a change of permissions brings no other change of the source along", () => {
  assert.deepEqual(changedWishes(WANTED, before, remapped, SOURCE), {
    ...WANTED,
    launchPermissions: SOURCE.launchPermissions,
    snapshotPermissions: SOURCE.snapshotPermissions,
  });
});

test("permissions that are no longer asked for are taken from image and snapshots", () => {
  for (const source of [SOURCE, undefined]) {
    const { launchPermissions, snapshotPermissions } = changedWishes(
      WANTED,
      before,
      unshared,
      source,
    );
    assert.deepEqual(launchPermissions, []);
    assert.deepEqual(snapshotPermissions, { "snap-1": [] });
  }
});

test("permissions of a source that is gone stay as they were copied", () => {
  assert.deepEqual(changedWishes(WANTED, before, remapped, undefined), WANTED);
});

test("what concerns the image is a change in place; what concerns the next copy is none", () => {
  assert.equal(wishesChanged(before, remapped), true);
  assert.equal(wishesChanged(before, { ...before, strict: true, timeoutMinutes: 9 }), false);
});

const DATE = "2027-01-01T00:00:00.000Z";
const deprecated: ImageWishes = { ...WANTED, deprecationTime: DATE };
const seen: ObservedImage = { ...deprecated, registered: true, snapshotIds: ["snap-1"] };
const { deprecationTime: _date, ...undeprecated } = seen;
const BEFORE = Date.parse("2026-12-01T00:00:00Z");
const AFTER = Date.parse("2027-12-01T00:00:00Z");

test("drift is only what a refresh has seen", () => {
  assert.deepEqual(driftOf(deprecated, undefined), []);
  assert.deepEqual(driftOf(deprecated, seen), []);
  assert.deepEqual(driftOf(deprecated, undeprecated), ["it has no deprecation date"]);
});

test("a deprecation date that has come and is not on the image any more is let go", () => {
  assert.deepEqual(attainable(deprecated, undeprecated, BEFORE), deprecated);
  assert.deepEqual(attainable(deprecated, seen, AFTER), deprecated, "EC2 keeps the date");
  assert.deepEqual(attainable(deprecated, undefined, AFTER), deprecated);
  assert.deepEqual(attainable(deprecated, undeprecated, AFTER), WANTED);
  assert.deepEqual(attainable(deprecated, { ...seen, registered: false }, AFTER), WANTED);
});
