/** Things that are accepted and fail later, in plain SDK calls. */

import assert from "node:assert/strict";
import { beforeEach, test } from "node:test";
import {
  CopyImageCommand,
  CreateImageCommand,
  CreateSnapshotCommand,
  CreateSnapshotsCommand,
  CreateVolumeCommand,
  DescribeImagesCommand,
  DescribeSnapshotsCommand,
  DescribeVolumesCommand,
  RegisterImageCommand,
  TerminateInstancesCommand,
} from "@aws-sdk/client-ec2";
import {
  availableVolume,
  completedSnapshot,
  instanceState,
  launch,
  openConformanceCloud,
  registeredImage,
  until,
} from "../conformance-cloud.ts";

const cloud = await openConformanceCloud();
const { localcloud } = cloud;
const ec2 = cloud.ec2();
beforeEach(() => localcloud.setFaults({ faults: [] }));

test("a snapshot goes to error with a message, the next one completes", async () => {
  const VolumeId = await availableVolume(ec2);
  const message = "the message of a fault";
  await localcloud.setFaults({ faults: [{ fault: "state", of: "snapshot", times: 1, message }] });
  const { SnapshotId: id = "", State } = await ec2.send(new CreateSnapshotCommand({ VolumeId }));
  assert.equal(State, "pending");
  const failed = await until(async () => {
    const byId = new DescribeSnapshotsCommand({ SnapshotIds: [id] });
    const { Snapshots: [snapshot] = [] } = await ec2.send(byId);
    return snapshot?.State === "error" && snapshot;
  });
  assert.equal(failed.StateMessage, message);
  await completedSnapshot(ec2, VolumeId);
  assert.equal(localcloud.firedFaults.at(-1)?.to, `${id} aws-1 us-east-1`);
});

test("one of several snapshots that are made at once goes to error", async () => {
  await localcloud.setFaults({ faults: [{ fault: "state", of: "snapshot", times: 1 }] });
  const { InstanceId = "" } = await launch(ec2, {});
  await instanceState(ec2, InstanceId, "running");
  const { Snapshots = [] } = await ec2.send(
    new CreateSnapshotsCommand({ InstanceSpecification: { InstanceId } }),
  );
  const SnapshotIds = Snapshots.flatMap(({ SnapshotId }) => SnapshotId ?? []);
  const states = await until(async () => {
    const { Snapshots: found = [] } = await ec2.send(new DescribeSnapshotsCommand({ SnapshotIds }));
    const known = found.map(({ State }) => State);
    return known.every((state) => state !== "pending") && known;
  });
  assert.deepEqual(states, ["error"]);
  await ec2.send(new TerminateInstancesCommand({ InstanceIds: [InstanceId] }));
});

test("an image becomes failed with a reason", async () => {
  const snapshot = await completedSnapshot(ec2);
  await localcloud.setFaults({ faults: [{ fault: "state", of: "image" }] });
  const { ImageId: id = "" } = await ec2.send(
    new RegisterImageCommand({
      Name: "fails",
      Architecture: "arm64",
      VirtualizationType: "hvm",
      EnaSupport: true,
      RootDeviceName: "/dev/xvda",
      BlockDeviceMappings: [{ DeviceName: "/dev/xvda", Ebs: { SnapshotId: snapshot } }],
    }),
  );
  const failed = await until(async () => {
    const { Images: [image] = [] } = await ec2.send(new DescribeImagesCommand({ ImageIds: [id] }));
    return image?.State === "failed" && image;
  });
  assert.equal(failed.StateReason?.Code, "Client.InternalError");
});

test("an image of an instance or of an image fails late, after its snapshots are completed", async () => {
  const source = await registeredImage(ec2);
  const { InstanceId = "" } = await launch(ec2);
  await instanceState(ec2, InstanceId, "running");
  await localcloud.setFaults({ faults: [{ fault: "state", of: "image", afterMs: 300 }] });
  const copy = { Name: "copy", SourceImageId: source, SourceRegion: "us-east-1" };
  const made = [
    await ec2.send(new CreateImageCommand({ InstanceId, Name: "of an instance" })),
    await ec2.send(new CopyImageCommand(copy)),
  ];
  for (const { ImageId: id = "" } of made) {
    const byId = new DescribeImagesCommand({ ImageIds: [id] });
    const ended = await until(async () => {
      const { Images: [image] = [] } = await ec2.send(byId);
      return image?.State !== "pending" && image;
    });
    assert.equal(ended.State, "failed");
    assert.equal(ended.StateReason?.Code, "Client.InternalError");
  }
  await ec2.send(new TerminateInstancesCommand({ InstanceIds: [InstanceId] }));
});

test("a volume goes to error", async () => {
  await localcloud.setFaults({ faults: [{ fault: "state", of: "volume" }] });
  const wish = { AvailabilityZone: "us-east-1a", Size: 1 };
  const { VolumeId: id = "" } = await ec2.send(new CreateVolumeCommand(wish));
  await until(async () => {
    const byId = new DescribeVolumesCommand({ VolumeIds: [id] });
    return (await ec2.send(byId)).Volumes?.[0]?.State === "error";
  });
});

test("a volume that fails later is available until then", async () => {
  await localcloud.setFaults({ faults: [{ fault: "state", of: "volume", afterMs: 1500 }] });
  const wish = { AvailabilityZone: "us-east-1a", Size: 1 };
  const { VolumeId: id = "" } = await ec2.send(new CreateVolumeCommand(wish));
  const state = async () => {
    const byId = new DescribeVolumesCommand({ VolumeIds: [id] });
    return (await ec2.send(byId)).Volumes?.[0]?.State;
  };
  await until(async () => (await state()) === "available");
  await until(async () => (await state()) === "error");
});
