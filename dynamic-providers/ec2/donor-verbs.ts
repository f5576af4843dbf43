/** An instance that lends its licence to other volumes: the verbs of {@link Ec2} about that. */

import {
  AttachVolumeCommand,
  CreateImageCommand,
  CreateVolumeCommand,
  type CreateVolumeCommandInput,
  DetachVolumeCommand,
  ModifyImageAttributeCommand,
  StopInstancesCommand,
} from "@aws-sdk/client-ec2";
import type { BlockDevice } from "./block-device.ts";
import { toSdkDevice } from "./block-device-mapping.ts";
import { type Caller, dryRun, toSdkTags } from "./caller.ts";
import type { Ec2 } from "./ec2.ts";
import type { CreateImageRequest } from "./image.ts";
import type { VolumeRequest } from "./volume.ts";

type DonorVerbs = Pick<
  Ec2,
  | "stopInstance"
  | "createVolume"
  | "tryCreateVolume"
  | "attachVolume"
  | "detachVolume"
  | "createImage"
  | "requireMetadataTokens"
>;

export function donorVerbs({ repeat, once }: Caller): DonorVerbs {
  return {
    async stopInstance(instanceId) {
      await repeat("StopInstances", [instanceId], (ec2) =>
        ec2.send(new StopInstancesCommand({ InstanceIds: [instanceId], SkipOsShutdown: true })),
      );
    },
    async createVolume(request) {
      const answer = await repeat("CreateVolume", [request.snapshotId], (ec2) =>
        ec2.send(volumeCommand(request)),
      );
      return answer.VolumeId ?? "";
    },
    tryCreateVolume(request) {
      const { input } = volumeCommand({ ...request, clientToken: "", snapshotId: "" });
      const tried = { ...input, ClientToken: undefined, SnapshotId: undefined, DryRun: true };
      return dryRun(
        repeat("CreateVolume", [request.volumeType], (ec2) =>
          ec2.send(new CreateVolumeCommand(tried)),
        ),
      );
    },
    // Safe to repeat: whoever calls them looks at the volume, and takes "in use" for "look again".
    async attachVolume(volumeId, instanceId, deviceName) {
      const input = { VolumeId: volumeId, InstanceId: instanceId, Device: deviceName };
      await repeat("AttachVolume", [volumeId, instanceId], (ec2) =>
        ec2.send(new AttachVolumeCommand(input)),
      );
    },
    async detachVolume(volumeId, instanceId) {
      const input = { VolumeId: volumeId, InstanceId: instanceId };
      await repeat("DetachVolume", [volumeId, instanceId], (ec2) =>
        ec2.send(new DetachVolumeCommand(input)),
      );
    },
    async createImage(request) {
      const answer = await once("CreateImage", [request.instanceId, request.name], (ec2) =>
        ec2.send(imageCommand(request)),
      );
      return answer.ImageId ?? "";
    },
    async requireMetadataTokens(imageId) {
      await repeat("ModifyImageAttribute", [imageId], (ec2) =>
        ec2.send(
          new ModifyImageAttributeCommand({ ImageId: imageId, ImdsSupport: { Value: "v2.0" } }),
        ),
      );
    },
  };
}

function volumeCommand(request: VolumeRequest): CreateVolumeCommand {
  return new CreateVolumeCommand({
    ClientToken: request.clientToken,
    AvailabilityZone: request.availabilityZone,
    SnapshotId: request.snapshotId,
    Size: request.sizeGib,
    VolumeType: request.volumeType as CreateVolumeCommandInput["VolumeType"],
    Iops: request.iops,
    Throughput: request.throughputMibps,
    TagSpecifications: [{ ResourceType: "volume", Tags: toSdkTags(request.tags) }],
  });
}

function imageCommand(request: CreateImageRequest): CreateImageCommand {
  return new CreateImageCommand({
    InstanceId: request.instanceId,
    Name: request.name,
    Description: request.description,
    // It is stopped, and must never run with these volumes.
    NoReboot: true,
    BlockDeviceMappings: request.blockDevices.map(toMapping),
    TagSpecifications: [
      { ResourceType: "image", Tags: toSdkTags(request.tags) },
      { ResourceType: "snapshot", Tags: toSdkTags(request.snapshotTags) },
    ],
  });
}

/** Size, type and speed of an attached volume are its own. */
function toMapping(device: BlockDevice) {
  if (device.kind !== "snapshot") return toSdkDevice(device);
  const { deviceName, deleteOnTermination } = device;
  return { DeviceName: deviceName, Ebs: { DeleteOnTermination: deleteOnTermination } };
}
