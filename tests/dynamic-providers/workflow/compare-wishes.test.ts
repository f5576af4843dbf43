import assert from "node:assert/strict";
import { test } from "node:test";
import { unlike } from "../../../dynamic-providers/workflow/compare-wishes.ts";
import type { ImageWishes } from "../../../dynamic-providers/workflow/copy-request.ts";
import type { ObservedImage } from "../../../dynamic-providers/workflow/observe-image.ts";

const WANTED: ImageWishes = {
  description: "d",
  tags: { team: "a" },
  launchPermissions: [{ userId: "1" }, { userId: "2" }],
  snapshotPermissions: { "snap-1": [{ userId: "1" }] },
  deprecationTime: "2027-01-01T00:00:00.000Z",
  deregistrationProtection: "enabled",
  instanceTypes: { supported: ["c7g.*"], unsupported: [] },
  disabled: false,
};
const SEEN: ObservedImage = {
  ...WANTED,
  registered: true,
  snapshotIds: ["snap-1"],
  tags: { team: "a", theirs: "x" },
  launchPermissions: [{ userId: "2" }, { userId: "1" }],
  deprecationTime: "2027-01-01T00:00:00Z",
};

test("order, notation and tags of others make no difference", () => {
  assert.deepEqual(unlike(WANTED, SEEN), []);
});

const { deprecationTime: _time, ...undeprecated } = SEEN;
const { deregistrationProtection: _protection, ...unprotected } = SEEN;
const { instanceTypes: _types, ...unlimited } = SEEN;

const OTHERS: readonly (readonly [attribute: string, seen: ObservedImage])[] = [
  ["registration", { ...SEEN, registered: false }],
  ["description", { ...SEEN, description: "e" }],
  ["tags", { ...SEEN, tags: {} }],
  ["deprecation", undeprecated],
  ["deregistration protection", unprotected],
  ["instance types", unlimited],
  ["state", { ...SEEN, disabled: true }],
  ["launch permissions", { ...SEEN, launchPermissions: [{ userId: "1" }] }],
  ["snapshot permissions", { ...SEEN, snapshotPermissions: { "snap-1": [] } }],
];

for (const [attribute, seen] of OTHERS) {
  test(`another ${attribute} is named alone`, () => {
    assert.deepEqual(unlike(WANTED, seen), [attribute]);
  });
}

test("a disabled image, which EC2 shares with nobody, is as wanted without permissions", () => {
  const disabled = { ...SEEN, disabled: true, launchPermissions: [] };
  assert.deepEqual(unlike({ ...WANTED, disabled: true }, disabled), []);
});

test("permissions of a snapshot that is gone are no difference of their own", () => {
  assert.deepEqual(unlike(WANTED, { ...SEEN, snapshotPermissions: {} }), []);
});
