/** An instance of an image as it is, and what is on its disks: the verbs of {@link Ec2} about that. */

import { CreateSnapshotsCommand, RunInstancesCommand } from "@aws-sdk/client-ec2";
import { type Caller, toSdkTags } from "./caller.ts";
import type { Ec2 } from "./ec2.ts";
import type { BootRequest } from "./instance.ts";
import { readInstance } from "./read-answers.ts";

type BootVerbs = Pick<Ec2, "bootImage" | "createSnapshots">;

export function bootVerbs({ once }: Caller): BootVerbs {
  return {
    async bootImage(request) {
      const answer = await once("RunInstances", [request.imageId, request.instanceType], (ec2) =>
        ec2.send(bootCommand(request)),
      );
      return readInstance(answer.Instances?.[0] ?? {});
    },
    async createSnapshots({ instanceId, description, tags }) {
      const answer = await once("CreateSnapshots", [instanceId], (ec2) =>
        ec2.send(
          new CreateSnapshotsCommand({
            InstanceSpecification: { InstanceId: instanceId },
            Description: description,
            TagSpecifications: [{ ResourceType: "snapshot", Tags: toSdkTags(tags) }],
          }),
        ),
      );
      return (answer.Snapshots ?? []).map(({ SnapshotId = "", VolumeId = "" }) => ({
        snapshotId: SnapshotId,
        volumeId: VolumeId,
      }));
    },
  };
}

function bootCommand(request: BootRequest): RunInstancesCommand {
  const tags = toSdkTags(request.tags);
  return new RunInstancesCommand({
    ClientToken: request.clientToken,
    ImageId: request.imageId,
    InstanceType: request.instanceType as RunInstancesCommand["input"]["InstanceType"],
    MinCount: 1,
    MaxCount: 1,
    // What shuts itself down goes with its volumes; a stop by the API is none of itself.
    InstanceInitiatedShutdownBehavior: "terminate",
    MetadataOptions: { HttpEndpoint: "disabled" },
    NetworkInterfaces: [
      {
        DeviceIndex: 0,
        SubnetId: request.subnetId,
        Groups: [request.securityGroupId],
        DeleteOnTermination: true,
        AssociatePublicIpAddress: false,
      },
    ],
    BlockDeviceMappings: [
      ...request.deviceNames.map((DeviceName) => ({
        DeviceName,
        Ebs: { DeleteOnTermination: true },
      })),
      ...request.leftOut.map((DeviceName) => ({ DeviceName, NoDevice: "" })),
    ],
    TagSpecifications: [
      { ResourceType: "instance", Tags: tags },
      { ResourceType: "volume", Tags: tags },
      { ResourceType: "network-interface", Tags: tags },
    ],
  });
}
