/** Images and snapshots: the verbs of {@link Ec2} about what a copy reads and produces. */

import {
  type BlockDeviceMapping,
  CreateSnapshotCommand,
  DeleteSnapshotCommand,
  DeregisterImageCommand,
  DescribeImageAttributeCommand,
  DescribeImagesCommand,
  DescribeSnapshotAttributeCommand,
  DescribeSnapshotsCommand,
  DisableImageCommand,
  DisableImageDeprecationCommand,
  DisableImageDeregistrationProtectionCommand,
  EnableImageCommand,
  EnableImageDeprecationCommand,
  EnableImageDeregistrationProtectionCommand,
  GetEbsDefaultKmsKeyIdCommand,
  GetEbsEncryptionByDefaultCommand,
  GetImageBlockPublicAccessStateCommand,
  ModifyImageAttributeCommand,
  ModifySnapshotAttributeCommand,
  RegisterImageCommand,
  ReplaceImageInstanceTypeSpecificationCommand,
  type LaunchPermission as SdkLaunchPermission,
} from "@aws-sdk/client-ec2";
import { allPages, type Caller, ifThere, presentOnly, tagFilters, toSdkTags } from "./caller.ts";
import type {
  BlockDevice,
  Ec2,
  IdOrTagQuery,
  Image,
  ImageQuery,
  LaunchPermission,
  RegisterRequest,
  Snapshot,
} from "./ec2.ts";
import { readImage, readSnapshot } from "./read-answers.ts";

type ImageVerbs = Pick<
  Ec2,
  | "describeImages"
  | "describeSnapshots"
  | "launchPermissions"
  | "uefiData"
  | "snapshotPermissions"
  | "encryptionDefaults"
  | "blocksPublicImages"
  | "createSnapshot"
  | "deleteSnapshot"
  | "registerImage"
  | "deregisterImage"
  | "setImageDescription"
  | "setImageDeprecation"
  | "setImageDisabled"
  | "setDeregistrationProtection"
  | "setInstanceTypes"
  | "changeLaunchPermissions"
  | "changeSnapshotPermissions"
>;

export function imageVerbs(caller: Caller): ImageVerbs {
  const { repeat, once } = caller;
  return {
    describeImages: (query) => describeImages(caller, query),
    describeSnapshots: (query) => describeSnapshots(caller, query),

    async launchPermissions(imageId) {
      const answer = await repeat("DescribeImageAttribute", [imageId], (ec2) =>
        ec2.send(
          new DescribeImageAttributeCommand({ ImageId: imageId, Attribute: "launchPermission" }),
        ),
      );
      return (answer.LaunchPermissions ?? []).map(fromSdkPermission);
    },
    async uefiData(imageId) {
      const answer = await repeat("DescribeImageAttribute", [imageId], (ec2) =>
        ec2.send(new DescribeImageAttributeCommand({ ImageId: imageId, Attribute: "uefiData" })),
      );
      return answer.UefiData?.Value || undefined;
    },
    async encryptionDefaults() {
      const [byDefault, key] = await Promise.all([
        repeat("GetEbsEncryptionByDefault", [], (ec2) =>
          ec2.send(new GetEbsEncryptionByDefaultCommand({})),
        ),
        repeat("GetEbsDefaultKmsKeyId", [], (ec2) =>
          ec2.send(new GetEbsDefaultKmsKeyIdCommand({})),
        ),
      ]);
      return {
        encryptsByDefault: byDefault.EbsEncryptionByDefault ?? false,
        keyId: key.KmsKeyId ?? "",
      };
    },
    async blocksPublicImages() {
      const answer = await repeat("GetImageBlockPublicAccessState", [], (ec2) =>
        ec2.send(new GetImageBlockPublicAccessStateCommand({})),
      );
      return answer.ImageBlockPublicAccessState === "block-new-sharing";
    },
    async snapshotPermissions(snapshotId) {
      const answer = await repeat("DescribeSnapshotAttribute", [snapshotId], (ec2) =>
        ec2.send(
          new DescribeSnapshotAttributeCommand({
            SnapshotId: snapshotId,
            Attribute: "createVolumePermission",
          }),
        ),
      );
      return (answer.CreateVolumePermissions ?? []).map(fromSdkPermission);
    },

    async createSnapshot({ volumeId, description, tags }) {
      const answer = await once("CreateSnapshot", [volumeId], (ec2) =>
        ec2.send(
          new CreateSnapshotCommand({
            VolumeId: volumeId,
            Description: description,
            TagSpecifications: [{ ResourceType: "snapshot", Tags: toSdkTags(tags) }],
          }),
        ),
      );
      return answer.SnapshotId ?? "";
    },
    deleteSnapshot: (snapshotId) =>
      ifThere(
        repeat("DeleteSnapshot", [snapshotId], (ec2) =>
          ec2.send(new DeleteSnapshotCommand({ SnapshotId: snapshotId })),
        ),
      ),

    async registerImage(request) {
      const answer = await once("RegisterImage", [request.name], (ec2) =>
        ec2.send(registerCommand(request)),
      );
      return answer.ImageId ?? "";
    },
    deregisterImage: (imageId) =>
      ifThere(
        repeat("DeregisterImage", [imageId], (ec2) =>
          ec2.send(new DeregisterImageCommand({ ImageId: imageId })),
        ),
      ),

    ...imageChanges(caller),
  };
}

/** What can be changed of a registered image. */
function imageChanges({
  repeat,
}: Caller): Pick<
  Ec2,
  | "setImageDescription"
  | "setImageDeprecation"
  | "setImageDisabled"
  | "setDeregistrationProtection"
  | "setInstanceTypes"
  | "changeLaunchPermissions"
  | "changeSnapshotPermissions"
> {
  return {
    async setImageDescription(imageId, description) {
      await repeat("ModifyImageAttribute", [imageId], (ec2) =>
        ec2.send(
          new ModifyImageAttributeCommand({
            ImageId: imageId,
            Description: { Value: description },
          }),
        ),
      );
    },
    async setImageDeprecation(imageId, time) {
      if (time === undefined) {
        await repeat("DisableImageDeprecation", [imageId], (ec2) =>
          ec2.send(new DisableImageDeprecationCommand({ ImageId: imageId })),
        );
        return;
      }
      await repeat("EnableImageDeprecation", [imageId], (ec2) =>
        ec2.send(
          new EnableImageDeprecationCommand({ ImageId: imageId, DeprecateAt: new Date(time) }),
        ),
      );
    },
    async setImageDisabled(imageId, disabled) {
      await repeat(disabled ? "DisableImage" : "EnableImage", [imageId], (ec2) =>
        disabled
          ? ec2.send(new DisableImageCommand({ ImageId: imageId }))
          : ec2.send(new EnableImageCommand({ ImageId: imageId })),
      );
    },
    async setDeregistrationProtection(imageId, protection) {
      if (protection === undefined) {
        await repeat("DisableImageDeregistrationProtection", [imageId], (ec2) =>
          ec2.send(new DisableImageDeregistrationProtectionCommand({ ImageId: imageId })),
        );
        return;
      }
      const WithCooldown = protection === "enabled-with-cooldown";
      await repeat("EnableImageDeregistrationProtection", [imageId], (ec2) =>
        ec2.send(
          new EnableImageDeregistrationProtectionCommand({ ImageId: imageId, WithCooldown }),
        ),
      );
    },
    async setInstanceTypes(imageId, rule) {
      const InstanceTypeSpecification = rule && {
        SupportedInstanceTypes: [...rule.supported],
        UnsupportedInstanceTypes: [...rule.unsupported],
      };
      await repeat("ReplaceImageInstanceTypeSpecification", [imageId], (ec2) =>
        ec2.send(
          new ReplaceImageInstanceTypeSpecificationCommand({
            ImageId: imageId,
            InstanceTypeSpecification,
          }),
        ),
      );
    },
    async changeSnapshotPermissions(snapshotId, { add, remove }) {
      await repeat("ModifySnapshotAttribute", [snapshotId], (ec2) =>
        ec2.send(
          new ModifySnapshotAttributeCommand({
            SnapshotId: snapshotId,
            Attribute: "createVolumePermission",
            CreateVolumePermission: {
              Add: add.map(toSdkPermission),
              Remove: remove.map(toSdkPermission),
            },
          }),
        ),
      );
    },
    async changeLaunchPermissions(imageId, { add, remove }) {
      await repeat("ModifyImageAttribute", [imageId], (ec2) =>
        ec2.send(
          new ModifyImageAttributeCommand({
            ImageId: imageId,
            LaunchPermission: {
              Add: add.map(toSdkPermission),
              Remove: remove.map(toSdkPermission),
            },
          }),
        ),
      );
    },
  };
}

async function describeImages({ repeat }: Caller, query: ImageQuery): Promise<Image[]> {
  const { imageIds, owner, name, architecture, platform, snapshotId, tags } = query;
  const filters = [
    ...tagFilters(tags),
    ...(name === undefined ? [] : [{ Name: "name", Values: [name] }]),
    ...(architecture === undefined ? [] : [{ Name: "architecture", Values: [architecture] }]),
    ...(platform === undefined ? [] : [{ Name: "platform", Values: [platform] }]),
    ...(snapshotId === undefined
      ? []
      : [{ Name: "block-device-mapping.snapshot-id", Values: [snapshotId] }]),
  ];
  const describe = (ids: string[] | undefined) =>
    allPages(
      (token) =>
        repeat("DescribeImages", ids ?? [name ?? ""], (ec2) =>
          ec2.send(
            new DescribeImagesCommand({
              ...token,
              // A disabled or deprecated image is still an image that we may have to delete.
              IncludeDeprecated: true,
              IncludeDisabled: true,
              ...(ids && { ImageIds: ids }),
              ...(owner !== undefined && { Owners: [owner] }),
              ...(filters.length > 0 && { Filters: filters }),
            }),
          ),
        ),
      (page) => page.Images,
    );
  const found = imageIds ? await presentOnly(imageIds, describe) : await describe(undefined);
  return found.map(readImage);
}

async function describeSnapshots({ repeat }: Caller, query: IdOrTagQuery): Promise<Snapshot[]> {
  const filters = tagFilters(query.tags);
  const describe = (ids: string[] | undefined) =>
    allPages(
      (token) =>
        repeat("DescribeSnapshots", ids ?? [], (ec2) =>
          ec2.send(
            new DescribeSnapshotsCommand({
              ...token,
              // Without ids it would list everything public, so ours only.
              ...(ids ? { SnapshotIds: ids } : { OwnerIds: ["self"] }),
              ...(filters.length > 0 && { Filters: filters }),
            }),
          ),
        ),
      (page) => page.Snapshots,
    );
  const found = query.ids ? await presentOnly(query.ids, describe) : await describe(undefined);
  return found.map(readSnapshot);
}

function registerCommand(request: RegisterRequest): RegisterImageCommand {
  return new RegisterImageCommand({
    Name: request.name,
    Description: request.description,
    // Both always: RegisterImage's own defaults are i386 and paravirtual.
    Architecture: request.architecture,
    VirtualizationType: request.virtualizationType,
    RootDeviceName: request.rootDeviceName,
    BootMode: request.bootMode as RegisterImageCommand["input"]["BootMode"],
    TpmSupport: request.tpmSupport as RegisterImageCommand["input"]["TpmSupport"],
    ImdsSupport: request.imdsSupport as RegisterImageCommand["input"]["ImdsSupport"],
    EnaSupport: request.enaSupport,
    SriovNetSupport: request.sriovNetSupport,
    KernelId: request.kernelId,
    RamdiskId: request.ramdiskId,
    UefiData: request.uefiData,
    BlockDeviceMappings: request.blockDevices.map(toSdkDevice),
    TagSpecifications: [{ ResourceType: "image", Tags: toSdkTags(request.tags) }],
  });
}

/** As RegisterImage and CreateImage take it. */
export function toSdkDevice(device: BlockDevice): BlockDeviceMapping {
  if (device.kind === "ephemeral") {
    return { DeviceName: device.deviceName, VirtualName: device.virtualName };
  }
  return {
    DeviceName: device.deviceName,
    Ebs: {
      DeleteOnTermination: device.deleteOnTermination,
      VolumeSize: device.volumeSizeGib,
      VolumeType: device.volumeType as NonNullable<BlockDeviceMapping["Ebs"]>["VolumeType"],
      Iops: device.iops,
      Throughput: device.throughputMibps,
      // Encrypted next to a snapshot is refused whatever its value: the snapshot decides.
      ...(device.kind === "snapshot"
        ? { SnapshotId: device.snapshotId }
        : { Encrypted: device.encrypted }),
    },
  };
}

function fromSdkPermission(permission: SdkLaunchPermission): LaunchPermission {
  const { UserId, Group, OrganizationArn, OrganizationalUnitArn } = permission;
  return {
    ...(UserId && { userId: UserId }),
    ...(Group && { group: Group }),
    ...(OrganizationArn && { organizationArn: OrganizationArn }),
    ...(OrganizationalUnitArn && { organizationalUnitArn: OrganizationalUnitArn }),
  };
}

function toSdkPermission(permission: LaunchPermission): SdkLaunchPermission {
  return {
    UserId: permission.userId,
    Group: permission.group as SdkLaunchPermission["Group"],
    OrganizationArn: permission.organizationArn,
    OrganizationalUnitArn: permission.organizationalUnitArn,
  };
}
