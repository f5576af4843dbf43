/** DescribeNetworkInterfaces. */

import type {
  DescribeNetworkInterfacesRequest,
  DescribeNetworkInterfacesResult,
  NetworkInterface,
} from "@aws-sdk/client-ec2";
import { type Action, type Call, ec2Action } from "../call.ts";
import { applyFilters } from "../filters.ts";
import { paginate } from "../paging.ts";
import type { InstanceRecord } from "../records/instance.ts";
import { findNamed } from "./find-named.ts";
import { privateDnsName, publicDnsName } from "./instance-description.ts";

export const DESCRIBE_NETWORK_INTERFACES: Action = ec2Action<
  DescribeNetworkInterfacesRequest,
  DescribeNetworkInterfacesResult
>(
  "DescribeNetworkInterfaces",
  ["NetworkInterfaceIds", "Filters", "NextToken", "MaxResults"],
  describeNetworkInterfaces,
);

function describeNetworkInterfaces(
  input: DescribeNetworkInterfacesRequest,
  call: Call,
): DescribeNetworkInterfacesResult {
  const all = livingInstances(call).map((instance) => ({
    id: instance.networkInterface.id,
    tags: instance.networkInterface.tags,
    instance,
  }));
  const named = findNamed("eni", all, input.NetworkInterfaceIds);
  const matching = applyFilters(named, input.Filters, {
    "addresses.private-ip-address": ({ instance }) => instance.networkInterface.privateAddress,
    "association.public-ip": ({ instance }) => instance.publicAddress,
    "attachment.instance-id": ({ instance }) => instance.id,
    "availability-zone": ({ instance }) => instance.zone.name,
    "group-id": ({ instance }) => instance.networkInterface.groupIds,
    "network-interface-id": ({ id }) => id,
    "private-ip-address": ({ instance }) => instance.networkInterface.privateAddress,
    status: () => "in-use",
    "subnet-id": ({ instance }) => instance.networkInterface.subnetId,
    "vpc-id": ({ instance }) => call.store.subnets.get(instance.networkInterface.subnetId)?.vpcId,
  });
  const page = paginate(matching, input, {
    minimum: 5,
    maximum: 1000,
    ids: input.NetworkInterfaceIds,
  });
  return {
    NetworkInterfaces: page.items.map(({ instance }) => describeInterface(instance, call)),
    NextToken: page.NextToken,
  };
}

function describeInterface(instance: InstanceRecord, call: Call): NetworkInterface {
  const { networkInterface: nic, publicAddress } = instance;
  return {
    NetworkInterfaceId: nic.id,
    SubnetId: nic.subnetId,
    VpcId: call.store.subnets.get(nic.subnetId)?.vpcId,
    AvailabilityZone: instance.zone.name,
    Description: nic.description,
    OwnerId: call.account.id,
    RequesterManaged: false,
    Status: "in-use",
    MacAddress: nic.macAddress,
    PrivateIpAddress: nic.privateAddress,
    PrivateDnsName: privateDnsName(call, nic.privateAddress),
    SourceDestCheck: true,
    InterfaceType: "interface",
    Groups: nic.groupIds.map((id) => ({
      GroupId: id,
      GroupName: call.store.groups.get(id)?.name,
    })),
    Attachment: {
      AttachmentId: nic.attachmentId,
      AttachTime: instance.launchedAt,
      DeleteOnTermination: nic.deleteOnTermination,
      DeviceIndex: 0,
      InstanceId: instance.id,
      InstanceOwnerId: call.account.id,
      Status: "attached",
    },
    PrivateIpAddresses: [{ PrivateIpAddress: nic.privateAddress, Primary: true }],
    ...(publicAddress === undefined
      ? {}
      : {
          Association: {
            PublicIp: publicAddress,
            PublicDnsName: publicDnsName(call, publicAddress),
            IpOwnerId: "amazon",
          },
        }),
    ...(nic.tags.size === 0
      ? {}
      : { TagSet: [...nic.tags].map(([Key, Value]) => ({ Key, Value })) }),
  };
}

/** Those that still have an address. */
export function livingInstances(call: Call): InstanceRecord[] {
  return [...call.store.instances.values()].filter(
    (one) => one.state.at(call.nowMs) !== "terminated",
  );
}
