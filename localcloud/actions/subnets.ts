/** CreateSubnet, DescribeSubnets, ModifySubnetAttribute, DeleteSubnet. */

import type {
  CreateSubnetRequest,
  CreateSubnetResult,
  DeleteSubnetRequest,
  DescribeSubnetsRequest,
  DescribeSubnetsResult,
  ModifySubnetAttributeRequest,
  Subnet,
} from "@aws-sdk/client-ec2";
import { type Action, type Call, ec2Action } from "../call.ts";
import type { Zone } from "../catalog/regions.ts";
import { containsCidr, overlaps, parseCidr } from "../cidr.ts";
import { applyFilters } from "../filters.ts";
import { newId } from "../ids.ts";
import { paginate } from "../paging.ts";
import { ApiError, invalidValue, missingParameter } from "../protocol/api-error.ts";
import type { SubnetRecord } from "../records/network.ts";
import { readTagSpecifications, tagList } from "../tags.ts";
import { findNamed, findOne } from "./find-named.ts";
import { livingInstances } from "./network-interfaces.ts";
import { hasDependencies } from "./vpcs.ts";

export const SUBNET_ACTIONS: readonly Action[] = [
  ec2Action<DescribeSubnetsRequest, DescribeSubnetsResult>(
    "DescribeSubnets",
    ["SubnetIds", "Filters", "NextToken", "MaxResults"],
    describeSubnets,
  ),
  ec2Action<CreateSubnetRequest, CreateSubnetResult>(
    "CreateSubnet",
    [
      "AvailabilityZone",
      "AvailabilityZoneId",
      "CidrBlock",
      "OutpostArn",
      "TagSpecifications",
      "VpcId",
    ],
    createSubnet,
  ),
  ec2Action<ModifySubnetAttributeRequest, object>(
    "ModifySubnetAttribute",
    ["MapPublicIpOnLaunch", "SubnetId"],
    modifySubnetAttribute,
  ),
  ec2Action<DeleteSubnetRequest, object>("DeleteSubnet", ["SubnetId"], deleteSubnet),
];

/** The first four addresses of a subnet and its last are AWS's. */
const RESERVED_COUNT = 5;

function describeSubnets(input: DescribeSubnetsRequest, call: Call): DescribeSubnetsResult {
  const subnets = findNamed("subnet", [...call.store.subnets.values()], input.SubnetIds);
  const matching = applyFilters(subnets, input.Filters, {
    "availability-zone": ({ zone }) => zone.name,
    "availability-zone-id": ({ zone }) => zone.id,
    availabilityZone: ({ zone }) => zone.name,
    "cidr-block": (one) => one.cidr,
    "default-for-az": (one) => one.isDefault,
    defaultForAz: (one) => one.isDefault,
    "map-public-ip-on-launch": (one) => one.mapPublicIpOnLaunch,
    "outpost-arn": (one) => one.outpostArn,
    "owner-id": () => call.account.id,
    state: () => "available",
    "subnet-id": (one) => one.id,
    "vpc-id": (one) => one.vpcId,
  });
  const page = paginate(matching, input, { minimum: 5, maximum: 1000, ids: input.SubnetIds });
  return {
    Subnets: page.items.map((one) => describeSubnet(one, call)),
    NextToken: page.NextToken,
  };
}

function describeSubnet(one: SubnetRecord, call: Call): Subnet {
  const addressCount = 2 ** (32 - (parseCidr(one.cidr)?.bits ?? 32)) - RESERVED_COUNT;
  const used = livingInstances(call).filter((i) => i.networkInterface.subnetId === one.id);
  return {
    SubnetId: one.id,
    SubnetArn: call.arn(`subnet/${one.id}`),
    VpcId: one.vpcId,
    CidrBlock: one.cidr,
    AvailabilityZone: one.zone.name,
    AvailabilityZoneId: one.zone.id,
    AvailableIpAddressCount: addressCount - used.length,
    DefaultForAz: one.isDefault,
    MapPublicIpOnLaunch: one.mapPublicIpOnLaunch,
    AssignIpv6AddressOnCreation: false,
    State: "available",
    OwnerId: call.account.id,
    ...(one.outpostArn === undefined ? {} : { OutpostArn: one.outpostArn }),
    ...tagList(one.tags),
  };
}

function createSubnet(input: CreateSubnetRequest, call: Call): CreateSubnetResult {
  const { subnets, vpcs } = call.store;
  const vpc = findOne("vpc", vpcs, input.VpcId);
  const { CidrBlock: cidr } = input;
  if (cidr === undefined) throw missingParameter("cidrBlock");
  const bits = parseCidr(cidr)?.bits;
  if (bits === undefined || bits > 28 || !containsCidr(vpc.cidr, cidr)) {
    throw new ApiError("InvalidSubnet.Range", `The CIDR '${cidr}' is invalid.`);
  }
  const neighbour = [...subnets.values()].find(
    (one) => one.vpcId === vpc.id && overlaps(one.cidr, cidr),
  );
  if (neighbour !== undefined) {
    throw new ApiError(
      "InvalidSubnet.Conflict",
      `The CIDR '${cidr}' conflicts with another subnet (${neighbour.id}).`,
    );
  }
  const zone = chooseZone(input, call);
  if (
    input.OutpostArn !== undefined &&
    !/^arn:[\w-]+:outposts:[\w-]+:\d{12}:outpost\/op-[0-9a-f]{17}$/.test(input.OutpostArn)
  ) {
    throw invalidValue(`Value (${input.OutpostArn}) for parameter outpostArn is invalid.`);
  }
  const tags = readTagSpecifications(input.TagSpecifications, ["subnet"])("subnet");
  call.commit();
  const subnet: SubnetRecord = {
    id: newId("subnet"),
    tags,
    vpcId: vpc.id,
    zone,
    cidr,
    isDefault: false,
    mapPublicIpOnLaunch: false,
    outpostArn: input.OutpostArn,
  };
  subnets.set(subnet.id, subnet);
  return { Subnet: describeSubnet(subnet, call) };
}

function chooseZone(input: CreateSubnetRequest, call: Call): Zone {
  const { AvailabilityZone: name, AvailabilityZoneId: id } = input;
  const zones = [...call.region.zones, ...call.region.localZones];
  const wished = name !== undefined || id !== undefined;
  const zone = zones.find((one) => (wished ? one.name === name || one.id === id : true));
  if (zone !== undefined) return zone;
  throw invalidValue(`Value (${name ?? id}) for parameter availabilityZone is invalid.`);
}

function modifySubnetAttribute(input: ModifySubnetAttributeRequest, call: Call): object {
  const subnet = findOne("subnet", call.store.subnets, input.SubnetId);
  const wish = input.MapPublicIpOnLaunch?.Value;
  if (wish === undefined) throw missingParameter("attribute");
  call.commit();
  subnet.mapPublicIpOnLaunch = wish;
  return {};
}

function deleteSubnet(input: DeleteSubnetRequest, call: Call): object {
  const { natGateways, routeTables, subnets } = call.store;
  const { id } = findOne("subnet", subnets, input.SubnetId);
  const used =
    livingInstances(call).some((one) => one.networkInterface.subnetId === id) ||
    [...natGateways.values()].some(
      (one) => one.subnetId === id && one.state.at(call.nowMs) !== "deleted",
    );
  if (used) throw hasDependencies("subnet", id);
  call.commit();
  for (const table of routeTables.values()) {
    for (const [associationId, subnetId] of table.associations) {
      if (subnetId === id) table.associations.delete(associationId);
    }
  }
  subnets.delete(id);
  return {};
}
