import assert from "node:assert/strict";
import { test } from "node:test";
import type { BlockDevice } from "../../../../dynamic-providers/ec2/block-device.ts";
import type { DeviceChange } from "../../../../dynamic-providers/workflow/copy-request.ts";
import { checkDevices } from "../../../../dynamic-providers/workflow/preflight/check-devices.ts";
import { sampleImage, sampleRequest, sampleSnapshot } from "../samples.ts";

const ROOT: BlockDevice = {
  kind: "snapshot",
  deviceName: "/dev/xvda",
  snapshotId: "snap-00000000000000001",
  volumeSizeGib: 8,
  volumeType: "gp3",
  iops: 3_000,
  throughputMibps: 125,
  deleteOnTermination: true,
};
const DATA: BlockDevice = {
  kind: "blank",
  deviceName: "/dev/sdf",
  encrypted: false,
  volumeSizeGib: 500,
  volumeType: "st1",
  deleteOnTermination: false,
};
const EPHEMERAL: BlockDevice = {
  kind: "ephemeral",
  deviceName: "/dev/sdb",
  virtualName: "ephemeral0",
};

function check(blockDevices: Record<string, DeviceChange>, devices = [ROOT, DATA, EPHEMERAL]) {
  const source = {
    image: sampleImage({ blockDevices: devices }),
    volumes: [{ deviceName: "/dev/xvda", snapshot: sampleSnapshot() }],
    unreadable: [],
  };
  return checkDevices(sampleRequest({ blockDevices }), source);
}

test("devices that EC2 makes are no problem, changed or not", () => {
  assert.deepEqual(check({}), []);
  const changes = {
    "/dev/xvda": { volumeType: "io2", iops: 8_000 },
    "/dev/sdf": { volumeType: "gp3", iops: 16_000, throughputMibps: 1_000 },
  };
  assert.deepEqual(check(changes), []);
  assert.deepEqual(checkDevices(sampleRequest(), undefined), []);
});

const WRONG: readonly (readonly [device: string, change: DeviceChange, message: string])[] = [
  ["/dev/sdf", { volumeSizeGib: 100 }, "/dev/sdf (st1) has 100 GiB; EC2 allows 125 to 16384."],
  [
    "/dev/sdf",
    { volumeType: "standard", volumeSizeGib: 2_000 },
    "/dev/sdf (standard) has 2000 GiB; EC2 allows 1 to 1024.",
  ],
  ["/dev/sdf", { iops: 500 }, "/dev/sdf (st1) takes no iops."],
  ["/dev/sdf", { volumeType: "io1" }, "/dev/sdf (io1) needs a figure for iops."],
  [
    "/dev/sdf",
    { volumeType: "io1", iops: 25_001 },
    "/dev/sdf (io1) has 25001 IOPS; with 500 GiB EC2 allows 25000.",
  ],
  ["/dev/xvda", { iops: 2_000 }, "/dev/xvda (gp3) has 2000 IOPS; EC2 allows 3000 to 80000."],
  ["/dev/xvda", { iops: 4_001 }, "/dev/xvda (gp3) has 4001 IOPS; with 8 GiB EC2 allows 4000."],
  [
    "/dev/xvda",
    { throughputMibps: 751 },
    "/dev/xvda (gp3) has 751 MiB/s; with 3000 IOPS EC2 allows 750.",
  ],
  [
    "/dev/xvda",
    { volumeType: "sc1", volumeSizeGib: 125 },
    "No instance boots from /dev/xvda (sc1).",
  ],
  [
    "/dev/xvda",
    { volumeSizeGib: 7 },
    "/dev/xvda would have 7 GiB, less than the 8 GiB of snap-00000000000000001.",
  ],
];

for (const [device, change, message] of WRONG) {
  test(`${device} with ${JSON.stringify(change)} is refused with its figures and the way out`, () => {
    const property = `blockDevices["${device}"]`;
    const hint = `Give ${property} with what the destination is to have.`;
    assert.deepEqual(check({ [device]: change }), [{ property, message, hint }]);
  });
}

test("a wish for a device that is not there names those that are", () => {
  assert.deepEqual(check({ "/dev/sdz": { iops: 3_000 } }), [
    {
      property: 'blockDevices["/dev/sdz"]',
      message: "ami-0123456789abcdef0 has no device /dev/sdz.",
      hint: "Its devices are /dev/xvda, /dev/sdf, /dev/sdb.",
    },
  ]);
});

test("a type of the source that is not known here can be exchanged", () => {
  const future = { ...ROOT, volumeType: "gp9" };
  assert.equal(check({}, [future])[0]?.message, "/dev/xvda is of type gp9, not known here.");
  assert.deepEqual(check({ "/dev/xvda": { volumeType: "gp3" } }, [future]), []);
});
