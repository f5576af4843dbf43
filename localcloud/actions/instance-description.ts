/** How EC2 shows an instance. */

import type {
  CpuOptions,
  Instance,
  InstanceNetworkInterface,
  Reservation,
  InstanceState as ShownState,
} from "@aws-sdk/client-ec2";
import type { Call } from "../call.ts";
import { isWindows, shownProductCodes, WINDOWS_PLATFORM } from "../catalog/billing.ts";
import type { InstanceRecord, InstanceState } from "../records/instance.ts";
import { tagList } from "../tags.ts";
import { billingOfInstance, volumesOf } from "./instance-lookup.ts";

const STATE_CODE: Readonly<Record<InstanceState, number>> = {
  pending: 0,
  running: 16,
  "shutting-down": 32,
  terminated: 48,
  stopping: 64,
  stopped: 80,
};

export function describeState(name: InstanceState): ShownState {
  return { Code: STATE_CODE[name], Name: name };
}

/** @param instances - All of one reservation. */
export function describeReservation(call: Call, instances: readonly InstanceRecord[]): Reservation {
  return {
    ReservationId: instances[0]?.reservationId,
    OwnerId: call.account.id,
    Groups: [],
    Instances: instances.map((one) => describeInstance(call, one)),
  };
}

function describeInstance(call: Call, instance: InstanceRecord): Instance {
  const state = instance.state.at(call.nowMs);
  const gone = state === "terminated";
  const volumes = gone ? [] : volumesOf(call, instance);
  const billing = billingOfInstance(call, instance);
  return {
    InstanceId: instance.id,
    ImageId: instance.imageId,
    State: describeState(state),
    StateTransitionReason: instance.transitionReason,
    ...(instance.stateReason === undefined
      ? {}
      : {
          StateReason: { Code: instance.stateReason.code, Message: instance.stateReason.message },
        }),
    AmiLaunchIndex: instance.launchIndex,
    ProductCodes: shownProductCodes(billing),
    InstanceType: instance.type.name as NonNullable<Instance["InstanceType"]>,
    LaunchTime: instance.launchedAt,
    Placement: {
      AvailabilityZone: instance.zone.name,
      AvailabilityZoneId: instance.zone.id,
      GroupName: "",
      Tenancy: "default",
    },
    Monitoring: { State: "disabled" },
    Architecture: instance.imageArchitecture as NonNullable<Instance["Architecture"]>,
    RootDeviceName: instance.imageRootDeviceName,
    RootDeviceType: "ebs",
    BlockDeviceMappings: volumes.map((volume) => ({
      DeviceName: volume.attachment?.device,
      Ebs: {
        VolumeId: volume.id,
        Status: volume.attachment?.state.at(call.nowMs),
        AttachTime: volume.attachment?.attachedAt,
        DeleteOnTermination: volume.attachment?.deleteOnTermination,
      },
    })),
    VirtualizationType: "hvm",
    Hypervisor: "xen",
    ClientToken: instance.clientToken,
    EbsOptimized: instance.ebsOptimized,
    CpuOptions: cpuOptions(instance),
    EnaSupport: instance.imageFacts.enaSupport,
    ...(instance.imageBootMode === undefined
      ? {}
      : { BootMode: instance.imageBootMode as NonNullable<Instance["BootMode"]> }),
    PlatformDetails: billing.platformDetails,
    UsageOperation: billing.usageOperation,
    ...(isWindows(billing) ? { Platform: WINDOWS_PLATFORM } : {}),
    ...(instance.keyName === undefined ? {} : { KeyName: instance.keyName }),
    ...(instance.imageFacts.tpmSupport === undefined
      ? {}
      : { TpmSupport: instance.imageFacts.tpmSupport }),
    CurrentInstanceBootMode: instance.uefiData === undefined ? "legacy-bios" : "uefi",
    MetadataOptions: {
      State: state === "pending" ? "pending" : "applied",
      HttpTokens: instance.metadataOptions.httpTokens,
      HttpPutResponseHopLimit: instance.metadataOptions.hopLimit,
      HttpEndpoint: instance.metadataOptions.httpEndpoint,
      HttpProtocolIpv6: "disabled",
      InstanceMetadataTags: instance.metadataOptions.instanceMetadataTags,
    },
    ...(gone ? { NetworkInterfaces: [], SecurityGroups: [] } : describeNetwork(call, instance)),
    ...tagList(instance.tags),
  };
}

/** [SDK CpuOptions]: of x86 two threads share a core, where there are two; arm64 has one a core. */
function cpuOptions({ type }: InstanceRecord): CpuOptions {
  const ThreadsPerCore = type.architecture === "x86_64" && type.vcpus > 1 ? 2 : 1;
  return { CoreCount: type.vcpus / ThreadsPerCore, ThreadsPerCore };
}

/** A terminated instance shows none of this any more. */
function describeNetwork(call: Call, instance: InstanceRecord): Partial<Instance> {
  const { store } = call;
  const { networkInterface: nic, publicAddress } = instance;
  const groups = nic.groupIds.map((id) => ({
    GroupId: id,
    GroupName: store.groups.get(id)?.name,
  }));
  const vpcId = store.subnets.get(nic.subnetId)?.vpcId;
  const privateName = privateDnsName(call, nic.privateAddress);
  const publicName = publicAddress === undefined ? "" : publicDnsName(call, publicAddress);
  // A stopped instance has no public address.
  const reachable = ["pending", "running"].includes(instance.state.at(call.nowMs));
  const shownPublic = reachable ? publicAddress : undefined;
  const shownInterface: InstanceNetworkInterface = {
    NetworkInterfaceId: nic.id,
    SubnetId: nic.subnetId,
    VpcId: vpcId,
    OwnerId: call.account.id,
    Description: nic.description,
    MacAddress: nic.macAddress,
    PrivateIpAddress: nic.privateAddress,
    PrivateDnsName: privateName,
    SourceDestCheck: true,
    Status: "in-use",
    InterfaceType: "interface",
    Groups: groups,
    Attachment: {
      AttachmentId: nic.attachmentId,
      AttachTime: instance.launchedAt,
      DeleteOnTermination: nic.deleteOnTermination,
      DeviceIndex: 0,
      NetworkCardIndex: 0,
      Status: "attached",
    },
    PrivateIpAddresses: [
      { PrivateIpAddress: nic.privateAddress, PrivateDnsName: privateName, Primary: true },
    ],
    ...(shownPublic === undefined
      ? {}
      : {
          Association: { PublicIp: shownPublic, PublicDnsName: publicName, IpOwnerId: "amazon" },
        }),
  };
  return {
    PrivateDnsName: privateName,
    PrivateIpAddress: nic.privateAddress,
    PublicDnsName: shownPublic === undefined ? "" : publicName,
    ...(shownPublic === undefined ? {} : { PublicIpAddress: shownPublic }),
    SubnetId: nic.subnetId,
    VpcId: vpcId,
    SourceDestCheck: true,
    SecurityGroups: groups,
    NetworkInterfaces: [shownInterface],
  };
}

export function privateDnsName(call: Call, address: string): string {
  const zone = call.region.name === "us-east-1" ? "ec2" : `${call.region.name}.compute`;
  return `ip-${address.replaceAll(".", "-")}.${zone}.internal`;
}

export function publicDnsName(call: Call, address: string): string {
  const zone = call.region.name === "us-east-1" ? "compute-1" : `${call.region.name}.compute`;
  return `ec2-${address.replaceAll(".", "-")}.${zone}.${call.store.partition.dnsSuffix}`;
}
