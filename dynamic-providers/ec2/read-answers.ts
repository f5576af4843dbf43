/** From the SDK's shapes, where everything may be absent, to ours. No calls here. */

import type {
  BlockDeviceMapping,
  InstanceTypeInfo,
  InstanceTypeSpecification,
  Image as SdkImage,
  Instance as SdkInstance,
  NatGateway as SdkNatGateway,
  RouteTable as SdkRouteTable,
  SecurityGroup as SdkSecurityGroup,
  Snapshot as SdkSnapshot,
  Subnet as SdkSubnet,
  Volume as SdkVolume,
} from "@aws-sdk/client-ec2";
import { printableLine } from "../printable.ts";
import type { BlockDevice } from "./block-device.ts";
import { fromSdkTags } from "./caller.ts";
import type { Architecture, DeregistrationProtection, Image, InstanceTypeRule } from "./image.ts";
import type { Instance, InstanceTypeFacts } from "./instance.ts";
import type { NatGateway, Route, RouteTable, SecurityGroup, Subnet } from "./network.ts";
import type { Snapshot } from "./snapshot.ts";
import type { Volume } from "./volume.ts";

export function readImage(image: SdkImage): Image {
  return {
    imageId: image.ImageId ?? "",
    name: image.Name ?? "",
    description: image.Description ?? "",
    ownerId: image.OwnerId ?? "",
    state: image.State ?? "",
    architecture: (image.Architecture ?? "i386") as Architecture,
    virtualizationType: image.VirtualizationType ?? "paravirtual",
    rootDeviceType: image.RootDeviceType ?? "",
    enaSupport: image.EnaSupport ?? false,
    creationDate: image.CreationDate ?? "",
    productCodes: (image.ProductCodes ?? []).flatMap(({ ProductCodeId }) => ProductCodeId ?? []),
    watermarks: (image.ImageWatermarks ?? []).flatMap(({ WatermarkKey }) => WatermarkKey ?? []),
    blockDevices: (image.BlockDeviceMappings ?? []).flatMap(readDevice),
    tags: fromSdkTags(image.Tags),
    ...present({
      stateReason: saidBy(image.StateReason?.Message),
      rootDeviceName: image.RootDeviceName,
      bootMode: image.BootMode,
      tpmSupport: image.TpmSupport,
      imdsSupport: image.ImdsSupport,
      sriovNetSupport: image.SriovNetSupport,
      kernelId: image.KernelId,
      ramdiskId: image.RamdiskId,
      platformDetails: image.PlatformDetails,
      usageOperation: image.UsageOperation,
      sourceImageId: image.SourceImageId,
      deprecationTime: image.DeprecationTime,
      instanceTypes: readInstanceTypes(image.InstanceTypeSpecification),
      deregistrationProtection: readProtection(image.DeregistrationProtection),
    }),
  };
}

/** `disabled`, `enabled-with-cooldown`, `enabled-without-cooldown`. */
function readProtection(text: string | undefined): DeregistrationProtection | undefined {
  if (text === undefined || !text.startsWith("enabled")) return undefined;
  return text === "enabled-with-cooldown" ? text : "enabled";
}

function readInstanceTypes(
  rule: InstanceTypeSpecification | undefined,
): InstanceTypeRule | undefined {
  const names = (items: InstanceTypeSpecification["SupportedInstanceTypes"]) =>
    (items ?? []).flatMap(({ InstanceType }) => InstanceType ?? []).sort();
  const supported = names(rule?.SupportedInstanceTypes);
  const unsupported = names(rule?.UnsupportedInstanceTypes);
  return supported.length + unsupported.length > 0 ? { supported, unsupported } : undefined;
}

/** `NoDevice` entries name nothing and are dropped. */
function readDevice(mapping: BlockDeviceMapping): BlockDevice[] {
  const deviceName = mapping.DeviceName ?? "";
  const { Ebs, VirtualName } = mapping;
  if (Ebs === undefined) {
    return VirtualName === undefined
      ? []
      : [{ kind: "ephemeral", deviceName, virtualName: VirtualName }];
  }
  const common = {
    deviceName,
    deleteOnTermination: Ebs.DeleteOnTermination ?? false,
    ...present({
      volumeSizeGib: Ebs.VolumeSize,
      volumeType: Ebs.VolumeType as string | undefined,
      iops: Ebs.Iops,
      throughputMibps: Ebs.Throughput,
    }),
  };
  return Ebs.SnapshotId === undefined
    ? [{ kind: "blank", encrypted: Ebs.Encrypted ?? false, ...common }]
    : [{ kind: "snapshot", snapshotId: Ebs.SnapshotId, ...common }];
}

export function readSnapshot(snapshot: SdkSnapshot): Snapshot {
  return {
    snapshotId: snapshot.SnapshotId ?? "",
    state: snapshot.State ?? "",
    progressPercent: Number.parseInt(snapshot.Progress ?? "0", 10) || 0,
    ownerId: snapshot.OwnerId ?? "",
    volumeSizeGib: snapshot.VolumeSize ?? 0,
    encrypted: snapshot.Encrypted ?? false,
    description: snapshot.Description ?? "",
    tags: fromSdkTags(snapshot.Tags),
    ...present({
      stateMessage: saidBy(snapshot.StateMessage),
      kmsKeyId: snapshot.KmsKeyId,
      storageTier: snapshot.StorageTier as string | undefined,
      fullSizeBytes: snapshot.FullSnapshotSizeInBytes,
      outpostArn: snapshot.OutpostArn,
      volumeId: snapshot.VolumeId,
    }),
  };
}

export function readInstance(instance: SdkInstance): Instance {
  return {
    instanceId: instance.InstanceId ?? "",
    imageId: instance.ImageId ?? "",
    state: instance.State?.Name ?? "pending",
    instanceType: instance.InstanceType ?? "",
    availabilityZone: instance.Placement?.AvailabilityZone ?? "",
    launchedAt: instance.LaunchTime?.toISOString() ?? "",
    volumes: (instance.BlockDeviceMappings ?? []).flatMap(({ DeviceName, Ebs }) =>
      DeviceName && Ebs?.VolumeId ? [{ deviceName: DeviceName, volumeId: Ebs.VolumeId }] : [],
    ),
    tags: fromSdkTags(instance.Tags),
    ...present({
      stateReason: saidBy(instance.StateReason?.Message || instance.StateTransitionReason),
      privateAddress: instance.PrivateIpAddress,
      publicAddress: instance.PublicIpAddress || undefined,
    }),
  };
}

export function readVolume(volume: SdkVolume): Volume {
  const [attachment] = volume.Attachments ?? [];
  return {
    volumeId: volume.VolumeId ?? "",
    state: volume.State ?? "",
    sizeGib: volume.Size ?? 0,
    encrypted: volume.Encrypted ?? false,
    ...(attachment?.InstanceId && {
      attachment: {
        instanceId: attachment.InstanceId,
        deviceName: attachment.Device ?? "",
        state: attachment.State ?? "attached",
      },
    }),
    tags: fromSdkTags(volume.Tags),
  };
}

export function readInstanceType(info: InstanceTypeInfo): InstanceTypeFacts {
  return {
    instanceType: info.InstanceType ?? "",
    architectures: info.ProcessorInfo?.SupportedArchitectures ?? [],
    // 28 slots shared with network interfaces is the rule of the types that do not say.
    isNitro: info.Hypervisor === "nitro" || info.BareMetal === true,
    maximumVolumes: info.EbsInfo?.MaximumEbsAttachments ?? 27,
    ...present({
      vcpus: info.VCpuInfo?.DefaultVCpus,
      networkGbps: info.NetworkInfo?.NetworkCards?.[0]?.BaselineBandwidthInGbps,
      // EC2 says MBps, and means 10^6 bytes.
      ebsMibps: toMib(info.EbsInfo?.EbsOptimizedInfo?.BaselineThroughputInMBps),
    }),
  };
}

function toMib(megabytes: number | undefined): number | undefined {
  return megabytes === undefined ? undefined : (megabytes * 1e6) / 2 ** 20;
}

export function readSubnet(subnet: SdkSubnet): Subnet {
  return {
    subnetId: subnet.SubnetId ?? "",
    vpcId: subnet.VpcId ?? "",
    availabilityZone: subnet.AvailabilityZone ?? "",
    ...present({ outpostArn: subnet.OutpostArn }),
  };
}

export function readRouteTable(table: SdkRouteTable): RouteTable {
  const associations = table.Associations ?? [];
  return {
    isMain: associations.some(({ Main }) => Main === true),
    subnetIds: associations.flatMap(({ SubnetId }) => SubnetId ?? []),
    routes: (table.Routes ?? []).flatMap((route): Route[] => {
      if (route.DestinationCidrBlock === undefined) return [];
      const target =
        route.GatewayId ??
        route.NatGatewayId ??
        route.TransitGatewayId ??
        route.VpcPeeringConnectionId ??
        route.NetworkInterfaceId ??
        route.LocalGatewayId ??
        route.CarrierGatewayId ??
        route.CoreNetworkArn ??
        "";
      return [{ cidr: route.DestinationCidrBlock, target, isActive: route.State === "active" }];
    }),
  };
}

export function readNatGateway(gateway: SdkNatGateway): NatGateway {
  return {
    natGatewayId: gateway.NatGatewayId ?? "",
    publicAddresses: (gateway.NatGatewayAddresses ?? []).flatMap(({ PublicIp }) => PublicIp ?? []),
  };
}

export function readSecurityGroup(group: SdkSecurityGroup): SecurityGroup {
  return {
    groupId: group.GroupId ?? "",
    name: group.GroupName ?? "",
    description: group.Description ?? "",
    vpcId: group.VpcId ?? "",
    tags: fromSdkTags(group.Tags),
  };
}

/** Words of AWS for a person, which are only ever shown. */
function saidBy(text: string | undefined): string | undefined {
  return text ? printableLine(text) : undefined;
}

/** Without the fields that are undefined, as exact optional types want it. */
function present<T extends object>(fields: T): { [K in keyof T]?: Exclude<T[K], undefined> } {
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined)) as {
    [K in keyof T]?: Exclude<T[K], undefined>;
  };
}
