/** DescribeRegions, -AvailabilityZones, -Vpcs, -Subnets, -RouteTables, -NetworkInterfaces. */

import type {
  AvailabilityZone,
  DescribeAvailabilityZonesRequest,
  DescribeAvailabilityZonesResult,
  DescribeNetworkInterfacesRequest,
  DescribeNetworkInterfacesResult,
  DescribeRegionsRequest,
  DescribeRegionsResult,
  DescribeRouteTablesRequest,
  DescribeRouteTablesResult,
  DescribeSubnetsRequest,
  DescribeSubnetsResult,
  DescribeVpcsRequest,
  DescribeVpcsResult,
  NetworkInterface,
} from "@aws-sdk/client-ec2";
import { type Action, type Call, ec2Action } from "../call.ts";
import type { Region, Zone } from "../catalog/regions.ts";
import { applyFilters, applyPlainFilters } from "../filters.ts";
import { checkId, type IdPrefix, notFound } from "../ids.ts";
import { paginate } from "../paging.ts";
import { ApiError, invalidValue } from "../protocol/api-error.ts";
import type { InstanceRecord, Tagged } from "../records.ts";
import { tagList } from "../tags.ts";
import { privateDnsName, publicDnsName } from "./instance-description.ts";

export const NETWORK_ACTIONS: readonly Action[] = [
  ec2Action<DescribeRegionsRequest, DescribeRegionsResult>(
    "DescribeRegions",
    ["RegionNames", "Filters", "AllRegions"],
    describeRegions,
  ),
  ec2Action<DescribeAvailabilityZonesRequest, DescribeAvailabilityZonesResult>(
    "DescribeAvailabilityZones",
    ["ZoneNames", "ZoneIds", "AllAvailabilityZones", "Filters"],
    describeAvailabilityZones,
  ),
  ec2Action<DescribeVpcsRequest, DescribeVpcsResult>(
    "DescribeVpcs",
    ["VpcIds", "Filters", "NextToken", "MaxResults"],
    describeVpcs,
  ),
  ec2Action<DescribeSubnetsRequest, DescribeSubnetsResult>(
    "DescribeSubnets",
    ["SubnetIds", "Filters", "NextToken", "MaxResults"],
    describeSubnets,
  ),
  ec2Action<DescribeRouteTablesRequest, DescribeRouteTablesResult>(
    "DescribeRouteTables",
    ["RouteTableIds", "Filters", "NextToken", "MaxResults"],
    describeRouteTables,
  ),
  ec2Action<DescribeNetworkInterfacesRequest, DescribeNetworkInterfacesResult>(
    "DescribeNetworkInterfaces",
    ["NetworkInterfaceIds", "Filters", "NextToken", "MaxResults"],
    describeNetworkInterfaces,
  ),
];

function describeRegions(input: DescribeRegionsRequest, call: Call): DescribeRegionsResult {
  const { partition } = call.store;
  const endpoint = (region: Region) => `ec2.${region.name}.${partition.dnsSuffix}`;
  const unknown = input.RegionNames?.find(
    (name) => !partition.regions.some((region) => region.name === name),
  );
  if (unknown !== undefined) throw invalidValue(`Invalid region provided: [${unknown}]`);
  const named = partition.regions.filter(
    (region) => input.RegionNames === undefined || input.RegionNames.includes(region.name),
  );
  const matching = applyPlainFilters(named, input.Filters, {
    endpoint,
    "opt-in-status": () => "opt-in-not-required",
    "region-name": (region) => region.name,
  });
  return {
    Regions: matching.map((region) => ({
      RegionName: region.name,
      Endpoint: endpoint(region),
      OptInStatus: "opt-in-not-required",
    })),
  };
}

function describeAvailabilityZones(
  input: DescribeAvailabilityZonesRequest,
  call: Call,
): DescribeAvailabilityZonesResult {
  const { zones } = call.region;
  const names = zones.map((zone) => zone.name);
  const ids = zones.map((zone) => zone.id);
  const unknown =
    input.ZoneNames?.find((name) => !names.includes(name)) ??
    input.ZoneIds?.find((id) => !ids.includes(id));
  if (unknown !== undefined) {
    throw new ApiError("InvalidParameterValue", `Invalid availability zone: [${unknown}]`);
  }
  const named = zones.filter(
    (zone) =>
      (input.ZoneNames === undefined || input.ZoneNames.includes(zone.name)) &&
      (input.ZoneIds === undefined || input.ZoneIds.includes(zone.id)),
  );
  const matching = applyPlainFilters<Zone>(named, input.Filters, {
    "group-name": () => call.region.name,
    "opt-in-status": () => "opt-in-not-required",
    "region-name": () => call.region.name,
    state: () => "available",
    "zone-id": (zone) => zone.id,
    "zone-name": (zone) => zone.name,
    "zone-type": () => "availability-zone",
  });
  return {
    AvailabilityZones: matching.map(
      (zone): AvailabilityZone => ({
        ZoneName: zone.name,
        ZoneId: zone.id,
        ZoneType: "availability-zone",
        State: "available",
        RegionName: call.region.name,
        GroupName: call.region.name,
        NetworkBorderGroup: call.region.name,
        OptInStatus: "opt-in-not-required",
        Messages: [],
      }),
    ),
  };
}

function describeVpcs(input: DescribeVpcsRequest, call: Call): DescribeVpcsResult {
  const vpcs = findNamed("vpc", [...call.store.vpcs.values()], input.VpcIds);
  const matching = applyFilters(vpcs, input.Filters, {
    cidr: (vpc) => vpc.cidr,
    "is-default": () => true,
    isDefault: () => true,
    "owner-id": () => call.account.id,
    state: () => "available",
    "vpc-id": (vpc) => vpc.id,
  });
  const page = paginate(matching, input, { minimum: 5, maximum: 1000, ids: input.VpcIds });
  return {
    Vpcs: page.items.map((vpc) => ({
      VpcId: vpc.id,
      CidrBlock: vpc.cidr,
      IsDefault: true,
      State: "available",
      OwnerId: call.account.id,
      InstanceTenancy: "default",
      ...tagList(vpc.tags),
    })),
    NextToken: page.NextToken,
  };
}

function describeSubnets(input: DescribeSubnetsRequest, call: Call): DescribeSubnetsResult {
  const subnets = findNamed("subnet", [...call.store.subnets.values()], input.SubnetIds);
  const matching = applyFilters(subnets, input.Filters, {
    "availability-zone": ({ zone }) => zone.name,
    "availability-zone-id": ({ zone }) => zone.id,
    availabilityZone: ({ zone }) => zone.name,
    "cidr-block": (one) => one.cidr,
    "default-for-az": () => true,
    defaultForAz: () => true,
    "map-public-ip-on-launch": () => true,
    "owner-id": () => call.account.id,
    state: () => "available",
    "subnet-id": (one) => one.id,
    "vpc-id": (one) => one.vpcId,
  });
  const page = paginate(matching, input, { minimum: 5, maximum: 1000, ids: input.SubnetIds });
  return {
    Subnets: page.items.map((one) => ({
      SubnetId: one.id,
      SubnetArn: call.arn(`subnet/${one.id}`),
      VpcId: one.vpcId,
      CidrBlock: one.cidr,
      AvailabilityZone: one.zone.name,
      AvailabilityZoneId: one.zone.id,
      AvailableIpAddressCount: 1018 - interfacesIn(call, one.id),
      DefaultForAz: true,
      MapPublicIpOnLaunch: true,
      AssignIpv6AddressOnCreation: false,
      State: "available",
      OwnerId: call.account.id,
      ...tagList(one.tags),
    })),
    NextToken: page.NextToken,
  };
}

function interfacesIn(call: Call, subnetId: string): number {
  return livingInstances(call).filter((one) => one.networkInterface.subnetId === subnetId).length;
}

/** The main route table of each VPC, with the way to the internet that a default VPC has. */
function describeRouteTables(
  input: DescribeRouteTablesRequest,
  call: Call,
): DescribeRouteTablesResult {
  const tables = [...call.store.vpcs.values()].map((vpc) => ({
    id: vpc.routeTableId,
    tags: new Map<string, string>(),
    vpc,
  }));
  const named = findNamed("rtb", tables, input.RouteTableIds);
  const matching = applyFilters(named, input.Filters, {
    "association.main": () => true,
    // Subnets of a default VPC have no association of their own: they follow the main table.
    "association.subnet-id": () => undefined,
    "route-table-id": ({ id }) => id,
    "route.destination-cidr-block": ({ vpc }) =>
      vpc.internetGatewayId === undefined ? vpc.cidr : [vpc.cidr, "0.0.0.0/0"],
    "route.gateway-id": ({ vpc }) => ["local", vpc.internetGatewayId],
    "vpc-id": ({ vpc }) => vpc.id,
  });
  const page = paginate(matching, input, { minimum: 5, maximum: 1000, ids: input.RouteTableIds });
  return {
    RouteTables: page.items.map(({ id, vpc }) => ({
      RouteTableId: id,
      VpcId: vpc.id,
      OwnerId: call.account.id,
      Associations: [
        {
          Main: true,
          RouteTableAssociationId: id.replace(/^rtb/, "rtbassoc"),
          RouteTableId: id,
          AssociationState: { State: "associated" },
        },
      ],
      PropagatingVgws: [],
      Routes: [
        {
          DestinationCidrBlock: vpc.cidr,
          GatewayId: "local",
          Origin: "CreateRouteTable",
          State: "active",
        },
        ...(vpc.internetGatewayId === undefined
          ? []
          : [
              {
                DestinationCidrBlock: "0.0.0.0/0",
                GatewayId: vpc.internetGatewayId,
                Origin: "CreateRoute" as const,
                State: "active" as const,
              },
            ]),
      ],
    })),
    NextToken: page.NextToken,
  };
}

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

function livingInstances(call: Call): InstanceRecord[] {
  return [...call.store.instances.values()].filter(
    (one) => one.state.at(call.nowMs) !== "terminated",
  );
}

function findNamed<Thing extends Tagged>(
  prefix: IdPrefix,
  things: readonly Thing[],
  ids: readonly string[] | undefined,
): readonly Thing[] {
  if (ids === undefined || ids.length === 0) return things;
  for (const id of ids) checkId(prefix, id);
  const missing = ids.find((id) => !things.some((one) => one.id === id));
  if (missing !== undefined) throw notFound(prefix, missing);
  return things.filter((one) => ids.includes(one.id));
}
