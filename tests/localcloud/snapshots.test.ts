import assert from "node:assert/strict";
import { open, rm } from "node:fs/promises";
import { dirname, join } from "node:path";
import { test } from "node:test";
import {
  CreateSnapshotCommand,
  CreateVolumeCommand,
  DeleteSnapshotCommand,
  DeleteVolumeCommand,
  DescribeSnapshotAttributeCommand,
  DescribeSnapshotsCommand,
  DescribeVolumesCommand,
  ModifySnapshotAttributeCommand,
  RegisterImageCommand,
} from "@aws-sdk/client-ec2";
import {
  availableVolume,
  completedSnapshot,
  openConformanceCloud,
  refusal,
  registeredImage,
  until,
} from "./conformance-cloud.ts";

const cloud = await openConformanceCloud();
const slow = await openConformanceCloud({ snapshotPending: 300, snapshotInterval: 60_000 });
const ec2 = cloud.ec2();

async function describe(id: string, client = ec2) {
  const ids = new DescribeSnapshotsCommand({ SnapshotIds: [id] });
  const { Snapshots: [snapshot] = [] } = await client.send(ids);
  return snapshot;
}

// moto CreateSnapshot: completed at once, also in the answer
test("a snapshot takes time, its progress moves, and 100% means completed", async () => {
  const client = slow.ec2();
  const volumeId = await availableVolume(client);
  const made = await client.send(
    new CreateSnapshotCommand({
      VolumeId: volumeId,
      Description: "d",
      TagSpecifications: [{ ResourceType: "snapshot", Tags: [{ Key: "a", Value: "b" }] }],
    }),
  );
  assert.equal(made.State, "pending");
  assert.deepEqual(made.Tags, [{ Key: "a", Value: "b" }]);
  const seen: number[] = [];
  const done = await until(async () => {
    const snapshot = await describe(made.SnapshotId ?? "", client);
    seen.push(Number.parseInt(snapshot?.Progress ?? "", 10));
    return snapshot?.State === "completed" && snapshot;
  });
  assert.equal(done.Progress, "100%");
  assert.equal(done.VolumeSize, 1);
  assert.ok(done.CompletionTime);
  assert.ok(
    seen.some((percent) => percent > 0 && percent < 100),
    seen.join(" "),
  );
  assert.deepEqual(
    seen,
    [...seen].sort((a, b) => a - b),
  );
});

// [errors-overview] SnapshotCreationPerVolumeRateExceeded; 15 s with the real one
test("two snapshots of a volume in quick succession are refused", async () => {
  const client = slow.ec2();
  const volumeId = await availableVolume(client);
  await client.send(new CreateSnapshotCommand({ VolumeId: volumeId }));
  const again = client.send(new CreateSnapshotCommand({ VolumeId: volumeId }));
  assert.equal(await refusal(again), "SnapshotCreationPerVolumeRateExceeded");
});

test("while it is pending a snapshot makes no volume and no image", async () => {
  const client = slow.ec2();
  const volumeId = await availableVolume(client);
  const { SnapshotId: id = "" } = await client.send(
    new CreateSnapshotCommand({ VolumeId: volumeId }),
  );
  const volume = { AvailabilityZone: "us-east-1a", SnapshotId: id };
  assert.equal(await refusal(client.send(new CreateVolumeCommand(volume))), "IncorrectState");
  const image = {
    Name: "too early",
    RootDeviceName: "/dev/xvda",
    BlockDeviceMappings: [{ DeviceName: "/dev/xvda", Ebs: { SnapshotId: id } }],
  };
  assert.equal(await refusal(client.send(new RegisterImageCommand(image))), "IncorrectState");
});

test("a volume made of a snapshot has the bytes of the moment of the snapshot", async () => {
  const volumeId = await availableVolume(ec2);
  const disk = diskOf(volumeId);
  await write(disk, "before");
  const { SnapshotId: id = "" } = await ec2.send(new CreateSnapshotCommand({ VolumeId: volumeId }));
  await write(disk, "after!");
  await until(async () => (await describe(id))?.State === "completed");
  const copyId = await availableVolume(ec2, { SnapshotId: id, Size: 2 });
  const file = await open(diskOf(copyId), "r");
  const { size } = await file.stat();
  const { buffer } = await file.read(Buffer.alloc(6), 0, 6, 0);
  await file.close();
  assert.equal(buffer.toString(), "before");
  assert.equal(size, 2 * 1024 ** 3);
});

test("a snapshot outlives its volume and can be exported as a raw file", async (t) => {
  const volumeId = await availableVolume(ec2);
  const disk = diskOf(volumeId);
  await write(disk, "kept");
  const snapshotId = await completedSnapshot(ec2, volumeId);
  await ec2.send(new DeleteVolumeCommand({ VolumeId: volumeId }));
  const path = `${disk}.exported`;
  t.after(() => rm(path, { force: true }));
  const { localcloud } = cloud;
  const exported = await localcloud.exportSnapshot({ region: "us-east-1", snapshotId, path });
  assert.equal(exported.sizeBytes, 1024 ** 3);
  const file = await open(path, "r");
  const { buffer } = await file.read(Buffer.alloc(4), 0, 4, 0);
  await file.close();
  assert.equal(buffer.toString(), "kept");
});

// moto: OwnerIds, RestorableByUserIds, MaxResults were ignored
test("snapshots are listed by owner and by who may restore them", async () => {
  const other = cloud.ec2("aws-2");
  const id = await completedSnapshot(ec2);
  const list = async (client: typeof ec2, request: object) => {
    const { Snapshots: found = [] } = await client.send(new DescribeSnapshotsCommand(request));
    return found.map((one) => one.SnapshotId);
  };
  assert.ok((await list(ec2, { OwnerIds: ["self"] })).includes(id));
  assert.deepEqual(await list(other, { OwnerIds: ["self"] }), []);
  assert.deepEqual(await list(other, {}), []);
  const change = { SnapshotId: id, CreateVolumePermission: { Add: [{ UserId: "100000000002" }] } };
  await ec2.send(new ModifySnapshotAttributeCommand(change));
  assert.deepEqual(await list(other, { RestorableByUserIds: ["self"] }), [id]);
  assert.deepEqual(await list(other, { OwnerIds: ["100000000001"] }), [id]);
});

// [SDK ModifySnapshotAttribute]; moto: the CreateVolumePermission form was ignored
test("sharing a snapshot opens it for volumes, and only its owner can", async () => {
  const other = cloud.ec2("aws-2");
  const id = await completedSnapshot(ec2);
  const use = () =>
    other.send(new CreateVolumeCommand({ AvailabilityZone: "us-east-1a", SnapshotId: id }));
  assert.equal(await refusal(use()), "InvalidSnapshot.NotFound");
  await ec2.send(
    new ModifySnapshotAttributeCommand({
      SnapshotId: id,
      Attribute: "createVolumePermission",
      OperationType: "add",
      UserIds: ["100000000002"],
    }),
  );
  await use();
  const attribute = { SnapshotId: id, Attribute: "createVolumePermission" } as const;
  const { CreateVolumePermissions: shown } = await ec2.send(
    new DescribeSnapshotAttributeCommand(attribute),
  );
  assert.deepEqual(shown, [{ UserId: "100000000002" }]);
  const steal = other.send(new DeleteSnapshotCommand({ SnapshotId: id }));
  assert.equal(await refusal(steal), "UnauthorizedOperation");
});

// [SDK ModifySnapshotAttribute]: not what aws/ebs encrypts, never publicly what is encrypted
test("encrypted snapshots are shared only under a key of the account's own, and never with all", async () => {
  const share = (id: string, item: object) =>
    ec2.send(
      new ModifySnapshotAttributeCommand({
        SnapshotId: id,
        CreateVolumePermission: { Add: [item] },
      }),
    );
  const managed = await completedSnapshot(ec2, await availableVolume(ec2, { Encrypted: true }));
  const toOther = { UserId: "100000000002" };
  assert.equal(await refusal(share(managed, toOther)), "OperationNotPermitted");
  const key = { Encrypted: true, KmsKeyId: "alias/amicopy-test" };
  const custom = await completedSnapshot(ec2, await availableVolume(ec2, key));
  assert.equal(await refusal(share(custom, { Group: "all" })), "OperationNotPermitted");
  await share(custom, toOther);
  // The key is not shared: accepted, then the volume fails.
  const other = cloud.ec2("aws-2");
  const { VolumeId: volumeId = "" } = await other.send(
    new CreateVolumeCommand({ AvailabilityZone: "us-east-1a", SnapshotId: custom }),
  );
  await until(async () => {
    const { Volumes: [volume] = [] } = await other.send(
      new DescribeVolumesCommand({ VolumeIds: [volumeId] }),
    );
    return volume?.State === "error";
  });
});

// [errors-overview] InvalidSnapshot.InUse; moto: it was deleted without a word
test("a snapshot that an image needs cannot be deleted", async () => {
  const id = await completedSnapshot(ec2);
  const imageId = await registeredImage(ec2, {
    BlockDeviceMappings: [{ DeviceName: "/dev/xvda", Ebs: { SnapshotId: id } }],
  });
  const call = ec2.send(new DeleteSnapshotCommand({ SnapshotId: id }));
  await assert.rejects(call, { name: "InvalidSnapshot.InUse", message: new RegExp(imageId) });
});

// moto: bad id is also NotFound, not Malformed
test("unknown and malformed snapshot ids are told apart", async () => {
  const remove = (id: string) => ec2.send(new DeleteSnapshotCommand({ SnapshotId: id }));
  assert.equal(await refusal(remove("snap-0123456789abcdef0")), "InvalidSnapshot.NotFound");
  assert.equal(await refusal(remove("snap-01")), "InvalidSnapshotID.Malformed");
  const id = await completedSnapshot(ec2);
  await remove(id);
  assert.equal(await refusal(remove(id)), "InvalidSnapshot.NotFound");
});

function diskOf(volumeId: string): string {
  return join(dirname(cloud.localcloud.env.AWS_CONFIG_FILE ?? ""), "volumes", volumeId);
}

async function write(path: string, text: string): Promise<void> {
  const file = await open(path, "r+");
  await file.write(text, 0);
  await file.close();
}
