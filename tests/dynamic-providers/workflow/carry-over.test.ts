import assert from "node:assert/strict";
import { test } from "node:test";
import type { BlockDevice } from "../../../dynamic-providers/ec2/block-device.ts";
import type { LaunchPermission } from "../../../dynamic-providers/ec2/image.ts";
import {
  futureDeprecation,
  mapPermissions,
  snapshotWishes,
  wantedDevices,
  wishesFor,
} from "../../../dynamic-providers/workflow/carry-over.ts";
import type { CopyRequest } from "../../../dynamic-providers/workflow/copy-request.ts";
import { sampleImage, sampleRequest, sampleSnapshot } from "./samples.ts";

const NOW = Date.parse("2026-11-28T00:00:00Z");
const source = { region: "us-east-1", accountId: "100000000001", partition: "aws" };
const gov = { region: "us-gov-west-1", accountId: "200000000001", partition: "aws-us-gov" };
const ACROSS = { source, destination: gov };
const WITHIN = { source, destination: { ...source, accountId: "100000000002" } };
const ORGANIZATION = "arn:aws:organizations::100000000001:organization/o-amicopy1234";

const asking = (
  accountIds: Record<string, string>,
): Pick<CopyRequest, "copyLaunchPermissions"> => ({
  copyLaunchPermissions: { accountIds },
});

test("permissions that nobody has asked for are neither carried over nor dropped", () => {
  const nothing = { mapped: [], dropped: [] };
  assert.deepEqual(mapPermissions({}, [{ userId: "100000000009" }], ACROSS), nothing);
});

test("across partitions only named accounts and groups mean something", () => {
  const permissions: LaunchPermission[] = [
    { userId: "100000000009" },
    { userId: "100000000008" },
    { group: "all" },
    { organizationArn: ORGANIZATION },
  ];
  const request = asking({ "100000000009": "200000000009" });
  assert.deepEqual(mapPermissions(request, permissions, ACROSS), {
    mapped: [{ userId: "200000000009" }, { group: "all" }],
    dropped: [{ userId: "100000000008" }, { organizationArn: ORGANIZATION }],
  });
});

test("within a partition an account without an entry, and an organisation, stay as they are", () => {
  const permissions = [{ userId: "100000000009" }, { organizationArn: ORGANIZATION }];
  const { mapped, dropped } = mapPermissions(asking({}), permissions, WITHIN);
  assert.deepEqual([mapped, dropped], [permissions, []]);
});

test("whoever owns the copy needs no permission for it", () => {
  const permissions = [{ userId: "100000000002" }, { userId: "100000000009" }];
  const request = asking({ "100000000009": "100000000002" });
  assert.deepEqual(mapPermissions(request, permissions, WITHIN), { mapped: [], dropped: [] });
});

test("two accounts that become one are one permission, since EC2 would show one", () => {
  const permissions = [{ userId: "100000000008" }, { userId: "100000000009" }];
  const request = asking({ "100000000008": "200000000009", "100000000009": "200000000009" });
  assert.deepEqual(mapPermissions(request, permissions, ACROSS).mapped, [
    { userId: "200000000009" },
  ]);
});

test("each snapshot's permissions go to its own copy, and only when asked for", () => {
  const volume = (id: string, userId: string) => ({
    deviceName: `/dev/${id}`,
    snapshot: sampleSnapshot({ snapshotId: `snap-${id}` }),
    permissions: [{ userId }],
  });
  const from = {
    image: sampleImage(),
    volumes: [volume("a", "100000000008"), volume("b", "100000000009")],
    unreadable: [],
  };
  const copies = [
    { sourceSnapshotId: "snap-b", snapshotId: "snap-B" },
    { sourceSnapshotId: "snap-a", snapshotId: "snap-A" },
  ];
  assert.equal(snapshotWishes(sampleRequest(), from, copies, WITHIN), undefined);
  assert.deepEqual(snapshotWishes(sampleRequest(asking({})), from, copies, WITHIN), {
    "snap-A": [{ userId: "100000000008" }],
    "snap-B": [{ userId: "100000000009" }],
  });
});

test("a deprecation is wanted while EC2 would still take its date", () => {
  const at = (ms: number) => sampleImage({ deprecationTime: new Date(NOW + ms).toISOString() });
  assert.equal(futureDeprecation(sampleImage(), NOW), undefined);
  assert.equal(futureDeprecation(at(-60_000), NOW), undefined);
  assert.equal(futureDeprecation(at(60_000), NOW), undefined, "EC2 rounds to the minute");
  assert.equal(futureDeprecation(at(600_000), NOW), new Date(NOW + 600_000).toISOString());
});

test("what a registration does not say is wished for as the source has it", () => {
  const image = sampleImage({
    state: "disabled",
    deregistrationProtection: "enabled-with-cooldown",
    deprecationTime: "2027-06-01T00:00:00.000Z",
    instanceTypes: { supported: ["c7g.*"], unsupported: [] },
  });
  const ownerOnly = { launchPermissions: [{ userId: "100000000009" }] };
  const from = { image, volumes: [], unreadable: [], ownerOnly };
  const request = sampleRequest({
    tags: { team: "a" },
    ...asking({ "100000000009": "200000000009" }),
  });
  assert.deepEqual(wishesFor(request, from, ACROSS, NOW), {
    description: "a golden image",
    tags: { Name: "golden", team: "a" },
    launchPermissions: [{ userId: "200000000009" }],
    disabled: true,
    deprecationTime: "2027-06-01T00:00:00.000Z",
    deregistrationProtection: "enabled-with-cooldown",
    instanceTypes: { supported: ["c7g.*"], unsupported: [] },
  });
});

const IO2: BlockDevice = {
  kind: "blank",
  deviceName: "/dev/sdf",
  encrypted: true,
  volumeSizeGib: 100,
  volumeType: "io2",
  iops: 50_000,
  deleteOnTermination: false,
};
const EPHEMERAL: BlockDevice = {
  kind: "ephemeral",
  deviceName: "/dev/sdb",
  virtualName: "ephemeral0",
};

test("a device without a wish is as the source's, an ephemeral one in any case", () => {
  const image = sampleImage({ blockDevices: [EPHEMERAL, IO2] });
  const blockDevices = { "/dev/sdb": { volumeSizeGib: 9 }, "/dev/other": { iops: 4_000 } };
  assert.deepEqual(wantedDevices({ blockDevices }, image), [EPHEMERAL, IO2]);
});

test("another type drops the figures of the old one; the same type keeps them", () => {
  const image = sampleImage({ blockDevices: [IO2] });
  const changed = (change: object) =>
    wantedDevices({ blockDevices: { "/dev/sdf": change } }, image)[0];
  const { iops: _iops, ...rest } = IO2;
  assert.deepEqual(changed({ volumeType: "gp3" }), { ...rest, volumeType: "gp3" });
  assert.deepEqual(changed({ volumeType: "gp3", iops: 4_000 }), {
    ...rest,
    volumeType: "gp3",
    iops: 4_000,
  });
  assert.deepEqual(changed({ volumeType: "io2", volumeSizeGib: 200 }), {
    ...IO2,
    volumeSizeGib: 200,
  });
  assert.deepEqual(changed({ deleteOnTermination: true }), { ...IO2, deleteOnTermination: true });
});
