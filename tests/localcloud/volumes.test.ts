import assert from "node:assert/strict";
import { test } from "node:test";
import {
  AttachVolumeCommand,
  CreateVolumeCommand,
  type CreateVolumeRequest,
  DeleteVolumeCommand,
  DescribeVolumesCommand,
  DetachVolumeCommand,
  DisableEbsEncryptionByDefaultCommand,
  EnableEbsEncryptionByDefaultCommand,
  GetEbsEncryptionByDefaultCommand,
  ResetEbsDefaultKmsKeyIdCommand,
  TerminateInstancesCommand,
} from "@aws-sdk/client-ec2";
import {
  availableVolume,
  completedSnapshot,
  instanceState,
  launch,
  openConformanceCloud,
  refusal,
  registeredImage,
  until,
} from "./conformance-cloud.ts";

const cloud = await openConformanceCloud({ volumeCreating: 60 });
const ec2 = cloud.ec2();

const zone = { AvailabilityZone: "us-east-1a" };
const create = (request: CreateVolumeRequest) =>
  ec2.send(new CreateVolumeCommand({ ...zone, ...request }));

async function describe(id: string) {
  const { Volumes: [volume] = [] } = await ec2.send(
    new DescribeVolumesCommand({ VolumeIds: [id] }),
  );
  return volume;
}

// moto CreateVolume: available at once
test("a volume is creating, then available", async () => {
  const made = await create({ Size: 1 });
  assert.equal(made.State, "creating");
  assert.equal(made.VolumeType, "gp2");
  assert.equal((await describe(made.VolumeId ?? ""))?.State, "creating");
  await until(async () => (await describe(made.VolumeId ?? ""))?.State === "available");
});

// [SDK EbsBlockDevice]: ranges by type
test("size, speed and type are checked together", async () => {
  const snapshot = await completedSnapshot(ec2, await availableVolume(ec2, { Size: 2 }));
  const code = async (request: CreateVolumeRequest) => refusal(create(request));
  assert.equal(await code({}), "MissingParameter");
  assert.equal(await code({ Size: 65_537, VolumeType: "gp3" }), "InvalidParameterValue");
  assert.equal(await code({ Size: 16_385, VolumeType: "gp2" }), "InvalidParameterValue");
  assert.equal(await code({ Size: 1, SnapshotId: snapshot }), "InvalidParameterValue");
  assert.equal(await code({ Size: 10, VolumeType: "st1" }), "InvalidParameterValue");
  assert.equal(await code({ Size: 10, VolumeType: "io1" }), "MissingParameter");
  assert.equal(
    await code({ Size: 10, VolumeType: "gp2", Iops: 3000 }),
    "InvalidParameterCombination",
  );
  assert.equal(
    await code({ Size: 100, VolumeType: "gp3", Iops: 3000, Throughput: 1000 }),
    "InvalidParameterCombination",
  );
  assert.equal(await code({ Size: 1, VolumeType: "floppy" as "gp3" }), "UnknownVolumeType");
  const fast = await create({ Size: 16, VolumeType: "gp3", Iops: 8000, Throughput: 2000 });
  assert.equal(fast.Iops, 8000);
  assert.equal(fast.Throughput, 2000);
});

// [SDK CreateVolumeRequest.VolumeInitializationRate, EbsBlockDevice]: 100 - 300 MiB/s, of snapshots; not of images
test("a rate of initialization is of a volume made of a snapshot, and in its range", async () => {
  const SnapshotId = await completedSnapshot(ec2);
  const code = (request: CreateVolumeRequest) => refusal(create(request));
  const at = (VolumeInitializationRate: number) => ({ VolumeInitializationRate });
  assert.equal(await code({ SnapshotId, ...at(99) }), "InvalidParameterValue");
  assert.equal(await code({ SnapshotId, ...at(301) }), "InvalidParameterValue");
  assert.equal(await code({ Size: 1, ...at(100) }), "InvalidParameterCombination");
  const { VolumeId = "" } = await create({ SnapshotId, ...at(300) });
  assert.equal((await describe(VolumeId))?.VolumeInitializationRate, 300);
  const { VolumeId: usual = "" } = await create({ SnapshotId });
  assert.equal((await describe(usual))?.VolumeInitializationRate, undefined);
  const launched = (VolumeInitializationRate: number) =>
    launch(ec2, {
      BlockDeviceMappings: [
        { DeviceName: "/dev/sdf", Ebs: { SnapshotId, VolumeInitializationRate } },
      ],
    });
  assert.equal(await refusal(launched(400)), "InvalidParameterValue");
  const { InstanceId = "" } = await launched(100);
  const running = await instanceState(ec2, InstanceId, "running");
  const data = running.BlockDeviceMappings?.find((one) => one.DeviceName === "/dev/sdf");
  assert.equal((await describe(data?.Ebs?.VolumeId ?? ""))?.VolumeInitializationRate, 100);
  const root = { DeviceName: "/dev/xvda", Ebs: { SnapshotId, VolumeInitializationRate: 100 } };
  const image = registeredImage(ec2, { BlockDeviceMappings: [root] });
  assert.equal(await refusal(image), "UnsupportedOperation");
});

// hashicorp/terraform-provider-aws#18654, of RunInstances in GovCloud; that the others say the same is ours
test("a volume type that the region lacks is refused by its code, for volumes and images", async () => {
  const SnapshotId = await completedSnapshot(ec2);
  const place = { region: "us-east-1", account: "aws-1" };
  const code = "VolumeTypeNotAvailableInRegion";
  const io2 = { VolumeType: "io2", Iops: 100 } as const;
  await cloud.localcloud.configure({ ...place, settings: { missingVolumeTypes: ["io2"] } });
  assert.equal(await refusal(create({ Size: 4, ...io2 })), code);
  // kubernetes-retired/kube-aws#1208: a dry run of CreateVolume looks at parameters of the type
  assert.equal(await refusal(create({ Size: 4, ...io2, DryRun: true })), code);
  const mapping = { DeviceName: "/dev/sdb", Ebs: { VolumeSize: 4, ...io2 } };
  const root = { DeviceName: "/dev/xvda", Ebs: { SnapshotId } };
  assert.equal(await refusal(launch(ec2, { BlockDeviceMappings: [mapping] })), code);
  assert.equal(await refusal(registeredImage(ec2, { BlockDeviceMappings: [root, mapping] })), code);
  await cloud.localcloud.configure({ ...place, settings: { missingVolumeTypes: [] } });
  await create({ Size: 4, ...io2 });
});

// moto: AZ of another region accepted
test("a zone that the region does not have is refused", async () => {
  const call = create({ Size: 1, AvailabilityZone: "eu-west-1a" });
  assert.equal(await refusal(call), "InvalidZone.NotFound");
});

// moto: no client token worked
test("a client token makes one volume, and refuses another request", async () => {
  const first = await create({ Size: 1, ClientToken: "t1" });
  const again = await create({ Size: 1, ClientToken: "t1" });
  assert.equal(again.VolumeId, first.VolumeId);
  const other = create({ Size: 2, ClientToken: "t1" });
  assert.equal(await refusal(other), "IdempotentParameterMismatch");
});

test("of two equal calls at the same time only one makes a volume", async () => {
  const made = await Promise.all(
    Array.from({ length: 5 }, () => create({ Size: 1, ClientToken: "at once" })),
  );
  assert.equal(new Set(made.map((one) => one.VolumeId)).size, 1);
});

// moto: DryRun never checked anything
test("a dry run says what the call would have said, and makes nothing", async () => {
  const count = async () => (await ec2.send(new DescribeVolumesCommand({}))).Volumes?.length;
  const before = await count();
  assert.equal(await refusal(create({ Size: 1, DryRun: true })), "DryRunOperation");
  assert.equal(
    await refusal(create({ SnapshotId: "snap-0123456789abcdef0", DryRun: true })),
    "InvalidSnapshot.NotFound",
  );
  assert.equal(
    await refusal(ec2.send(new DescribeVolumesCommand({ DryRun: true }))),
    "DryRunOperation",
  );
  assert.equal(await count(), before);
});

// [SDK CreateVolumeRequest.KmsKeyId]: checked asynchronously
test("a key that does not exist is accepted, and the volume fails later", async () => {
  const made = await create({ Size: 1, Encrypted: true, KmsKeyId: "alias/nobody" });
  assert.equal(made.State, "creating");
  await until(async () => (await describe(made.VolumeId ?? ""))?.State === "error");
});

// [errors-overview] InvalidParameterDependency
test("a key needs Encrypted", async () => {
  const call = create({ Size: 1, KmsKeyId: "alias/amicopy-test" });
  assert.equal(await refusal(call), "InvalidParameterDependency");
});

// moto: the account's encryption-by-default was ignored; [SDK EnableEbsEncryptionByDefault]
test("encryption by default encrypts what is not asked to be, with the default key", async () => {
  const eu = cloud.ec2("aws-1", "eu-west-1");
  const size = { AvailabilityZone: "eu-west-1a", Size: 1 };
  await eu.send(new EnableEbsEncryptionByDefaultCommand({}));
  const state = await eu.send(new GetEbsEncryptionByDefaultCommand({}));
  assert.equal(state.EbsEncryptionByDefault, true);
  // Before anybody has chosen one, the default key is told by its alias; a reset tells its ARN.
  const { KmsKeyId: key } = await eu.send(new ResetEbsDefaultKmsKeyIdCommand({}));
  const made = await eu.send(new CreateVolumeCommand(size));
  assert.equal(made.Encrypted, true);
  assert.equal(made.KmsKeyId, key);
  await eu.send(new DisableEbsEncryptionByDefaultCommand({}));
  assert.equal((await eu.send(new CreateVolumeCommand(size))).Encrypted, false);
});

// [errors-overview]; moto DeleteVolume, AttachVolume, DetachVolume
test("a volume is attached once, in its zone, on a free device, and cannot be deleted then", async () => {
  const { InstanceId: id = "", Placement: place } = await launch(ec2);
  await instanceState(ec2, id, "running");
  assert.equal(place?.AvailabilityZone, "us-east-1a");
  const volumeId = await availableVolume(ec2);
  const far = await availableVolume(ec2, { AvailabilityZone: "us-east-1b" });
  const attach = (VolumeId: string, Device: string) =>
    ec2.send(new AttachVolumeCommand({ InstanceId: id, VolumeId, Device }));
  assert.equal(await refusal(attach(far, "/dev/sdf")), "InvalidVolume.ZoneMismatch");
  assert.equal(await refusal(attach(volumeId, "/dev/xvda")), "InvalidParameterValue");
  assert.equal(await refusal(attach(volumeId, "/dev/null")), "InvalidParameterValue");
  const attached = await attach(volumeId, "/dev/sdf");
  assert.equal(attached.State, "attaching");
  assert.equal(attached.DeleteOnTermination, false);
  assert.equal(await refusal(attach(volumeId, "/dev/sdg")), "VolumeInUse");
  assert.equal((await describe(volumeId))?.State, "in-use");
  const remove = () => ec2.send(new DeleteVolumeCommand({ VolumeId: volumeId }));
  assert.equal(await refusal(remove()), "VolumeInUse");
  const detached = await ec2.send(new DetachVolumeCommand({ VolumeId: volumeId }));
  assert.equal(detached.State, "detaching");
  await until(async () => (await describe(volumeId))?.State === "available");
  await remove();
  assert.equal(await refusal(describe(volumeId)), "InvalidVolume.NotFound");
  await ec2.send(new TerminateInstancesCommand({ InstanceIds: [id] }));
});

// [SDK AttachVolume]: running or stopped
test("a volume is not attached to an instance that is just booting", async () => {
  await cloud.localcloud.setFaults({ faults: [{ fault: "instance", does: "stays-pending" }] });
  const { InstanceId = "" } = await launch(ec2);
  await cloud.localcloud.setFaults({ faults: [] });
  const VolumeId = await availableVolume(ec2);
  const attach = ec2.send(new AttachVolumeCommand({ InstanceId, VolumeId, Device: "/dev/sdf" }));
  assert.equal(await refusal(attach), "IncorrectState");
  assert.equal((await describe(VolumeId))?.State, "available");
  await ec2.send(new TerminateInstancesCommand({ InstanceIds: [InstanceId] }));
});
