/** What is new is not seen for a time, in plain SDK calls. */

import assert from "node:assert/strict";
import { beforeEach, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import {
  CopyImageCommand,
  CreateImageCommand,
  CreateSecurityGroupCommand,
  CreateSnapshotsCommand,
  CreateTagsCommand,
  CreateVolumeCommand,
  DeleteVolumeCommand,
  DescribeImagesCommand,
  DescribeInstancesCommand,
  DescribeSecurityGroupsCommand,
  DescribeSnapshotsCommand,
  DescribeTagsCommand,
  DescribeVolumesCommand,
} from "@aws-sdk/client-ec2";
import type { FaultPlanInput } from "../../../localcloud/localcloud.ts";
import {
  instanceState,
  launch,
  openConformanceCloud,
  refusal,
  registeredImage,
  until,
} from "../conformance-cloud.ts";

const cloud = await openConformanceCloud();
const { localcloud } = cloud;
const ec2 = cloud.ec2();
const FOREVER = 600_000;

const set = (...faults: FaultPlanInput["faults"]) => localcloud.setFaults({ faults });
beforeEach(() => set());

async function createVolume(tag = "one"): Promise<string> {
  const Tags = [{ Key: "tag", Value: tag }];
  const answer = await ec2.send(
    new CreateVolumeCommand({
      AvailabilityZone: "us-east-1a",
      Size: 1,
      TagSpecifications: [{ ResourceType: "volume", Tags }],
    }),
  );
  return answer.VolumeId ?? "";
}

const byId = (id: string) => ec2.send(new DescribeVolumesCommand({ VolumeIds: [id] }));
const byTag = async (value: string) => {
  const Filters = [{ Name: "tag:tag", Values: [value] }];
  const { Volumes = [] } = await ec2.send(new DescribeVolumesCommand({ Filters }));
  return Volumes.map(({ VolumeId }) => VolumeId);
};
const all = async () => {
  const { Volumes = [] } = await ec2.send(new DescribeVolumesCommand({}));
  return Volumes.map(({ VolumeId }) => VolumeId);
};

test("a new thing is missing from lists, and by its id it does not exist", async () => {
  const old = await createVolume();
  await set({ fault: "lag", forMs: FOREVER });
  const id = await createVolume();
  assert.equal(await refusal(byId(id)), "InvalidVolume.NotFound");
  const listed = await all();
  assert.ok(listed.includes(old) && !listed.includes(id));
  assert.deepEqual((await byTag("one")).includes(id), false);
  await ec2.send(new DeleteVolumeCommand({ VolumeId: id }));
});

test("it appears after its time", async () => {
  await set({ fault: "lag", forMs: 30 });
  const id = await createVolume();
  await until(async () => (await all()).includes(id));
});

test("with seenBy all, not even a change finds it", async () => {
  await set({ fault: "lag", forMs: FOREVER, seenBy: "all", of: ["security-group"] });
  const group = { GroupName: "new", Description: "new" };
  const { GroupId: id = "" } = await ec2.send(new CreateSecurityGroupCommand(group));
  assert.equal(await refusal(launch(ec2, { SecurityGroupIds: [id] })), "InvalidGroup.NotFound");
  const { SecurityGroups = [] } = await ec2.send(new DescribeSecurityGroupsCommand({}));
  assert.ok(SecurityGroups.every(({ GroupId }) => GroupId !== id));
});

test("only the kinds that are named lag; an instance takes its volumes with it", async () => {
  await set({ fault: "lag", forMs: FOREVER, of: ["instance"] });
  const before = await all();
  const { InstanceId: id = "" } = await launch(ec2);
  assert.equal((await all()).length, before.length + 1);
  const byInstance = new DescribeInstancesCommand({ InstanceIds: [id] });
  assert.equal(await refusal(ec2.send(byInstance)), "InvalidInstanceID.NotFound");
  assert.deepEqual((await ec2.send(new DescribeInstancesCommand({}))).Reservations, []);
  await set({ fault: "lag", forMs: FOREVER });
  const count = (await all()).length;
  await launch(ec2);
  assert.equal((await all()).length, count);
});

test("a thing is there before its tags, and a changed tag has its old value", async () => {
  await set({ fault: "lag", tagsForMs: FOREVER });
  const id = await createVolume("new");
  const tags = async () => (await byId(id)).Volumes?.[0]?.Tags ?? [];
  assert.deepEqual(await tags(), []);
  assert.deepEqual(await byTag("new"), []);
  await set();
  assert.deepEqual(await byTag("new"), [id]);
  await set({ fault: "lag", tagsForMs: FOREVER });
  const Tags = [{ Key: "tag", Value: "newer" }];
  await ec2.send(new CreateTagsCommand({ Resources: [id], Tags }));
  assert.deepEqual(await tags(), [{ Key: "tag", Value: "new" }]);
  assert.deepEqual(await byTag("newer"), []);
  const Filters = [{ Name: "resource-id", Values: [id] }];
  assert.deepEqual((await ec2.send(new DescribeTagsCommand({ Filters }))).Tags, []);
});

test("a machine sees its changed tags late, too", async () => {
  await set({ fault: "lag", tagsForMs: FOREVER });
  const { InstanceId: id = "" } = await launch(ec2, {
    MetadataOptions: { InstanceMetadataTags: "enabled" },
    TagSpecifications: [{ ResourceType: "instance", Tags: [{ Key: "a", Value: "b" }] }],
  });
  const machine = await until(async () => cloud.machinery.machines.get(id));
  assert.deepEqual(machine.spec.metadata().tags, {});
  await set();
  assert.deepEqual(machine.spec.metadata().tags, { a: "b" });
});

test("tags that change all the time are seen late, each change by itself", async () => {
  const id = await createVolume("0");
  await set({ fault: "lag", tagsForMs: 200 });
  const value = async () => (await byId(id)).Volumes?.[0]?.Tags?.[0]?.Value;
  for (let count = 1; count <= 12; count += 1) {
    const Tags = [{ Key: "tag", Value: String(count) }];
    await ec2.send(new CreateTagsCommand({ Resources: [id], Tags }));
    await sleep(50);
  }
  const seen = Number(await value());
  assert.ok(seen > 0, "none of 12 was seen within 600 ms");
  await until(async () => (await value()) === "12");
});

test("snapshots of a machine that are made at once are missing for a time, too", async () => {
  const { InstanceId = "" } = await launch(ec2, {});
  await instanceState(ec2, InstanceId, "running");
  await set({ fault: "lag", forMs: FOREVER, of: ["snapshot"] });
  const { Snapshots = [] } = await ec2.send(
    new CreateSnapshotsCommand({ InstanceSpecification: { InstanceId } }),
  );
  const SnapshotIds = Snapshots.flatMap(({ SnapshotId }) => SnapshotId ?? []);
  const missing = refusal(ec2.send(new DescribeSnapshotsCommand({ SnapshotIds })));
  assert.equal(await missing, "InvalidSnapshot.NotFound");
});

test("an image takes the snapshots with it that were made for it, and no others", async () => {
  const source = await registeredImage(ec2);
  const { InstanceId = "" } = await launch(ec2);
  await instanceState(ec2, InstanceId, "running");
  const snapshots = async () => {
    const { Snapshots = [] } = await ec2.send(new DescribeSnapshotsCommand({ OwnerIds: ["self"] }));
    return Snapshots.map(({ SnapshotId }) => SnapshotId);
  };
  const imageSnapshots = async (id: string) => {
    const { Images: [image] = [] } = await ec2.send(new DescribeImagesCommand({ ImageIds: [id] }));
    return image?.BlockDeviceMappings?.flatMap(({ Ebs }) => Ebs?.SnapshotId ?? []) ?? [];
  };
  const before = await snapshots();
  await set({ fault: "lag", forMs: FOREVER, of: ["snapshot"] });
  const [old] = await imageSnapshots(source);
  const added = { DeviceName: "/dev/sdg", Ebs: { SnapshotId: old } };
  const create = { InstanceId, Name: "lags", BlockDeviceMappings: [added] };
  const copy = { Name: "copy lags", SourceImageId: source, SourceRegion: "us-east-1" };
  const images = [
    await ec2.send(new CreateImageCommand(create)),
    await ec2.send(new CopyImageCommand(copy)),
  ];
  const made = await Promise.all(images.map(({ ImageId = "" }) => imageSnapshots(ImageId)));
  assert.deepEqual(await snapshots(), before);
  await set();
  const news = made.flat().filter((id) => id !== old);
  assert.equal(news.length, 2);
  assert.deepEqual((await snapshots()).toSorted(), [...before, ...news].toSorted());
});
