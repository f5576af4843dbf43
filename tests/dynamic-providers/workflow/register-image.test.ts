import assert from "node:assert/strict";
import { test } from "node:test";
import type { BlockDevice } from "../../../dynamic-providers/ec2/block-device.ts";
import { wantedImageTags } from "../../../dynamic-providers/workflow/carry-over.ts";
import {
  differences,
  nameWithRun,
  registrationFor,
} from "../../../dynamic-providers/workflow/register-image.ts";
import { sampleImage, sampleRequest } from "./samples.ts";

const DEVICES: BlockDevice[] = [
  {
    kind: "snapshot",
    deviceName: "/dev/sdb",
    snapshotId: "snap-b",
    volumeSizeGib: 20,
    volumeType: "io2",
    iops: 4000,
    deleteOnTermination: false,
  },
  {
    kind: "snapshot",
    deviceName: "/dev/xvda",
    snapshotId: "snap-a",
    volumeSizeGib: 8,
    volumeType: "gp3",
    iops: 3000,
    throughputMibps: 200,
    deleteOnTermination: true,
  },
  { kind: "snapshot", deviceName: "/dev/sdc", snapshotId: "snap-b", deleteOnTermination: true },
  {
    kind: "blank",
    deviceName: "/dev/sdd",
    volumeSizeGib: 5,
    encrypted: true,
    deleteOnTermination: true,
  },
  { kind: "ephemeral", deviceName: "/dev/sde", virtualName: "ephemeral0" },
];

const copy = (sourceSnapshotId: string, snapshotId: string) => ({
  sourceSnapshotId,
  snapshotId,
  sizeGib: 8,
  digest: "",
});

const wishes = { name: "n", description: "d" };

test("every mapping is carried over, the snapshots exchanged, one copy serving both its devices", () => {
  const image = sampleImage({ blockDevices: DEVICES, tpmSupport: "v2.0" });
  const copies = [copy("snap-a", "snap-A"), copy("snap-b", "snap-B")];
  const registration = registrationFor({}, image, copies, wishes);
  assert.deepEqual(registration, {
    name: "n",
    description: "d",
    architecture: "arm64",
    virtualizationType: "hvm",
    rootDeviceName: "/dev/xvda",
    enaSupport: true,
    bootMode: "uefi",
    tpmSupport: "v2.0",
    imdsSupport: "v2.0",
    blockDevices: [
      { ...DEVICES[0], snapshotId: "snap-B" },
      { ...DEVICES[1], snapshotId: "snap-A" },
      { ...DEVICES[2], snapshotId: "snap-B" },
      DEVICES[3],
      DEVICES[4],
    ],
  });
});

test("an image without a copy of each snapshot is never registered", () => {
  const image = sampleImage({ blockDevices: DEVICES });
  assert.throws(
    () => registrationFor({}, image, [copy("snap-a", "snap-A")], wishes),
    /snap-b was not copied/,
  );
});

test("what AWS made other than asked is told attribute by attribute", () => {
  const image = sampleImage();
  const asked = registrationFor(
    {},
    { ...image, bootMode: "uefi-preferred" },
    [copy("snap-00000000000000001", "snap-1")],
    { name: image.name, description: image.description },
  );
  assert.deepEqual(differences(image, asked), [
    "bootMode is uefi and not uefi-preferred",
    "snapshotId of /dev/xvda is snap-00000000000000001 and not snap-1",
  ]);
});

test("each figure of each device is compared, and what nobody asked for is told", () => {
  const [root] = sampleImage().blockDevices;
  assert.ok(root?.kind === "snapshot");
  const blank = { ...root, kind: "blank" as const, deviceName: "/dev/sdf", encrypted: true };
  const asked = registrationFor(
    {},
    sampleImage({ blockDevices: [{ ...root, iops: 4_000, throughputMibps: 200 }, blank] }),
    [copy(root.snapshotId, root.snapshotId)],
    { name: "golden", description: "a golden image" },
  );
  const made = [
    { ...root, volumeSizeGib: 9, volumeType: "gp2", iops: 100, deleteOnTermination: false },
    { ...blank, encrypted: false },
    { ...blank, deviceName: "/dev/sdg" },
  ];
  assert.deepEqual(differences(sampleImage({ blockDevices: made }), asked), [
    "volumeSizeGib of /dev/xvda is 9 and not 8",
    "volumeType of /dev/xvda is gp2 and not gp3",
    "deleteOnTermination of /dev/xvda is false and not true",
    "iops of /dev/xvda is 100 and not 4000",
    "throughputMibps of /dev/xvda is undefined and not 200",
    "encrypted of /dev/sdf is false and not true",
    "/dev/sdg was not asked for",
  ]);
});

test("an encrypted blank volume nobody asked to encrypt, and a lost ephemeral one, are EC2's own ways", () => {
  const [root] = sampleImage().blockDevices;
  assert.ok(root?.kind === "snapshot");
  const blank = { ...root, kind: "blank" as const, deviceName: "/dev/sdf", encrypted: false };
  const ephemeral = {
    kind: "ephemeral" as const,
    deviceName: "/dev/sdb",
    virtualName: "ephemeral0",
  };
  const image = sampleImage({ blockDevices: [root, blank, ephemeral] });
  const copies = [copy(root.snapshotId, root.snapshotId)];
  const asked = registrationFor({}, image, copies, {
    name: "golden",
    description: "a golden image",
  });
  const made = sampleImage({ blockDevices: [root, { ...blank, encrypted: true }] });
  assert.deepEqual(differences(made, asked), []);
});

test("given tags win over copied ones; AWS's and ours are not copied", () => {
  const source = { Name: "golden", team: "a", "aws:x": "1", "amicopy:run": "0" };
  const request = sampleRequest({ tags: { team: "b" } });
  assert.deepEqual(wantedImageTags(request, source), { Name: "golden", team: "b" });
  assert.deepEqual(wantedImageTags({ ...request, copyTags: false }, source), { team: "b" });
});

test("the name for when the source's is taken ends with the run and keeps EC2's length", () => {
  assert.equal(nameWithRun("golden", "0123456789abcdef"), "golden-0123456");
  assert.equal(nameWithRun("x".repeat(128), "0123456789abcdef").length, 128);
});
