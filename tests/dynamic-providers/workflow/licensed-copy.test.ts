/** Whole copies of licensed images against a localcloud: the licence, the bytes, and nothing left. */

import assert from "node:assert/strict";
import { after, test } from "node:test";
import { DescribeSecurityGroupsCommand, EC2Client } from "@aws-sdk/client-ec2";
import type { Ec2 } from "../../../dynamic-providers/ec2/ec2.ts";
import { copyImage } from "../../../dynamic-providers/workflow/copy-image.ts";
import type { CopyRequest, CopyResult } from "../../../dynamic-providers/workflow/copy-request.ts";
import { removeImage } from "../../../dynamic-providers/workflow/remove-image.ts";
import { systemClock } from "../../../dynamic-providers/workflow/run-context.ts";
import { openCloudBench, QUICK, runId } from "./cloud-bench.ts";
import { licensedBench, RED_HAT, WINDOWS } from "./licensed-bench.ts";

const bench = await openCloudBench();
after(() => bench[Symbol.asyncDispose]());
const licensed = licensedBench(bench);
const cloud = bench.clouds().destination;
const PACE = { clock: systemClock, limits: QUICK };

async function copy(number: number, request: CopyRequest): Promise<CopyResult> {
  const identity = await bench.identity(runId(number));
  return copyImage(request, identity, await bench.context("good"));
}

async function assertEqualBytes({ image }: CopyResult): Promise<void> {
  for (const { deviceName, snapshotId } of image.snapshots) {
    const expected = await licensed.hashOfSource(deviceName);
    assert.equal(await licensed.hashOf(snapshotId), expected, deviceName);
  }
}

async function remove({ image }: CopyResult): Promise<void> {
  await removeImage(image, cloud, PACE);
  assert.deepEqual(await licensed.leftovers(), []);
}

async function donorOf(nameStart: string, ec2: Ec2 = cloud) {
  const images = await ec2.describeImages({ owner: "amazon", name: `${nameStart}*` });
  const newest = images.toSorted((a, b) => (a.creationDate > b.creationDate ? -1 : 1))[0];
  assert.ok(newest);
  return newest;
}

test("a Windows image has its licence, its bytes and its devices, and of the donor nothing", async () => {
  const request = await licensed.importSource("golden windows", WINDOWS);
  const rows: string[] = [];
  const context = await bench.context("good", { report: (_row, text) => rows.push(text) });
  const from = bench.cloud.calls.length;
  const result = await copyImage(request, await bench.identity(runId(1)), context);
  const { image } = result;
  const donor = await donorOf("TPM-Windows_Server-2022-");
  assert.deepEqual(image.license, {
    platformDetails: "Windows",
    usageOperation: "RunInstances:0002",
    donorImageId: donor.imageId,
  });
  assert.ok(rows.includes(`licence donor is ${donor.imageId} (${donor.name})`));
  const [made] = await cloud.describeImages({ imageIds: [image.imageId] });
  const [original] = await bench
    .clouds()
    .source.describeImages({ imageIds: [request.sourceAmiId] });
  assert.ok(made && original);
  for (const key of [
    ...["usageOperation", "platformDetails", "architecture", "virtualizationType"],
    ...["bootMode", "tpmSupport", "enaSupport", "rootDeviceName", "description", "name"],
  ] as (keyof typeof made)[]) {
    assert.equal(made[key], original[key], key);
  }
  const withoutIds = (devices: typeof made.blockDevices) =>
    devices.map((device) => ({ ...device, snapshotId: undefined }));
  assert.deepEqual(withoutIds(made.blockDevices), withoutIds(original.blockDevices));
  assert.equal(made.tags.stage, "prod");
  await assertEqualBytes(result);
  const kinds = (await licensed.leftovers()).map((line) => line.split(" ")[0]);
  assert.deepEqual(kinds.sort(), ["image", "snapshot", "snapshot"]);
  const snapshots = await cloud.describeSnapshots({
    ids: image.snapshots.map(({ snapshotId }) => snapshotId),
  });
  for (const { snapshotId, deviceName, digest, sourceSnapshotId } of image.snapshots) {
    const tags = snapshots.find((one) => one.snapshotId === snapshotId)?.tags ?? {};
    assert.equal(tags["amicopy:digest"], digest);
    assert.equal(tags["amicopy:source-snapshot"], sourceSnapshotId);
    assert.equal(tags.part, deviceName === "/dev/sda1" ? "system" : undefined);
  }
  const line = image.fidelity.find(({ attribute }) => attribute === "licence");
  assert.deepEqual(line, {
    attribute: "licence",
    outcome: "kept",
    source: "Windows (RunInstances:0002)",
    copy: "Windows (RunInstances:0002)",
    reason: `by way of licence donor ${donor.imageId}`,
  });
  const launches = bench.cloud.calls.slice(from).filter(({ action }) => action === "RunInstances");
  assert.equal(launches.length, 3);
  assert.equal(
    bench.cloud.calls.slice(from).some(({ action }) => action === "RegisterImage"),
    false,
  );
  await remove(result);
});

test("the donor is private, closed, tagged in the call, and told to end itself", async () => {
  const request = await licensed.importSource("watched windows", WINDOWS);
  const context = await bench.context("good");
  const { destination } = context.clouds;
  let seen: unknown;
  const stopInstance: Ec2["stopInstance"] = async (instanceId) => {
    const [instance] = await destination.describeInstances({ ids: [instanceId] });
    const [volume] = instance?.volumes ?? [];
    const [disk] = await destination.describeVolumes({ ids: [volume?.volumeId ?? ""] });
    seen = {
      address: instance?.publicAddress,
      role: instance?.tags["amicopy:role"],
      run: instance?.tags["amicopy:run"],
      expires: Date.parse(instance?.tags["amicopy:expires"] ?? "") > Date.now(),
      volume: disk?.tags["amicopy:role"],
      rules: await rulesOf(instance?.tags["amicopy:run"] ?? ""),
    };
    return destination.stopInstance(instanceId);
  };
  const runInstance: Ec2["runInstance"] = (asked) => {
    if (asked.tags["amicopy:role"] === "license-donor") {
      assert.match(
        Buffer.from(asked.userData).toString(),
        /^<script>\r\nshutdown \/s \/f \/t 1800/,
      );
      assert.equal(asked.publicAddress, false);
    }
    return destination.runInstance(asked);
  };
  const clouds = { ...context.clouds, destination: { ...destination, stopInstance, runInstance } };
  const result = await copyImage(request, await bench.identity(runId(2)), { ...context, clouds });
  assert.deepEqual(seen, {
    address: undefined,
    role: "license-donor",
    run: runId(2),
    expires: true,
    volume: "license-donor",
    rules: 0,
  });
  await remove(result);
});

async function rulesOf(run: string): Promise<number> {
  const { env, endpoint } = bench.cloud;
  const ec2 = new EC2Client({
    region: "us-gov-west-1",
    endpoint,
    credentials: {
      accessKeyId: env.DESTINATION_AWS_ACCESS_KEY_ID ?? "",
      secretAccessKey: env.DESTINATION_AWS_SECRET_ACCESS_KEY ?? "",
    },
  });
  const Filters = [{ Name: "tag:amicopy:run", Values: [run] }];
  const { SecurityGroups = [] } = await ec2.send(new DescribeSecurityGroupsCommand({ Filters }));
  ec2.destroy();
  assert.equal(SecurityGroups.length, 1);
  const { IpPermissions = [], IpPermissionsEgress = [] } = SecurityGroups[0] ?? {};
  return IpPermissions.length + IpPermissionsEgress.length;
}

test("a Red Hat image with a given donor, a snapshot twice, a larger, a blank and an ephemeral device", async () => {
  const request = await licensed.importSource("golden rhel", {
    ...RED_HAT,
    mappings: [
      { deviceName: "/dev/sda1", disk: "/dev/sda1", sizeGib: 2, volumeType: "gp2" },
      { deviceName: "/dev/sdf", disk: "/dev/sdf", volumeType: "io1", sizeGib: 4, iops: 150 },
      { deviceName: "/dev/sdg", disk: "/dev/sdf", deleteOnTermination: true },
      { deviceName: "/dev/sdh", sizeGib: 3, encrypted: true },
      { deviceName: "/dev/sdi", virtualName: "ephemeral0" },
    ],
  });
  const donor = await donorOf("RHEL-9.6.0_HVM-2025.12.10-x86_64");
  const given = { ...request, licenseDonorAmiId: donor.imageId };
  const result = await copy(3, given);
  const { image } = result;
  assert.equal(image.license?.usageOperation, "RunInstances:0010");
  assert.equal(image.license?.donorImageId, donor.imageId);
  const [made] = await cloud.describeImages({ imageIds: [image.imageId] });
  assert.deepEqual(
    made?.blockDevices.map((device) =>
      device.kind === "ephemeral"
        ? [device.deviceName, device.virtualName]
        : [device.deviceName, device.kind, device.volumeSizeGib, device.volumeType, device.iops],
    ),
    [
      ["/dev/sda1", "snapshot", 2, "gp2", undefined],
      ["/dev/sdf", "snapshot", 4, "io1", 150],
      ["/dev/sdg", "snapshot", 1, "gp3", 3000],
      ["/dev/sdh", "blank", 3, "gp3", 3000],
      ["/dev/sdi", "ephemeral0"],
    ],
  );
  const flags = made?.blockDevices.map((device) =>
    device.kind === "ephemeral" ? undefined : device.deleteOnTermination,
  );
  assert.deepEqual(flags, [true, false, true, false, undefined]);
  const ids = image.snapshots.map(({ snapshotId }) => snapshotId);
  assert.equal(new Set(ids).size, 3);
  assert.equal(new Set(image.snapshots.map(({ digest }) => digest)).size, 2);
  await remove(result);
});

test("the result of a licensed copy got lost: the next attempt adopts image and snapshots", async () => {
  const request = await licensed.importSource("adopted windows", WINDOWS);
  const first = await copy(4, request);
  const again = await copy(4, request);
  assert.equal(again.image.imageId, first.image.imageId);
  assert.deepEqual(again.image.snapshots, first.image.snapshots);
  assert.deepEqual(again.image.license, first.image.license);
  await remove(again);
});
