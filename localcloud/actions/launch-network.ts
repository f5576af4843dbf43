/** Where a launch goes: zone, subnet, security groups, public address; in both forms of RunInstances. */

import type {
  InstanceNetworkInterfaceSpecification,
  RunInstancesRequest,
} from "@aws-sdk/client-ec2";
import { type Call, refuseMembers } from "../call.ts";
import { type InstanceType, isOffered } from "../catalog/instance-types.ts";
import { isInCidr } from "../cidr.ts";
import { checkId, notFound } from "../ids.ts";
import { ApiError, invalidCombination, invalidValue, unsupported } from "../protocol/api-error.ts";
import type { SubnetRecord } from "../records/network.ts";
import type { GroupRecord } from "../records/security-group.ts";

export interface LaunchNetwork {
  readonly subnet: SubnetRecord;
  readonly groupIds: readonly string[];
  readonly publicAddress: boolean;
  readonly privateAddress: string | undefined;
  readonly description: string;
  readonly deleteOnTermination: boolean;
}

export function planLaunchNetwork(
  call: Call,
  input: RunInstancesRequest,
  type: InstanceType,
): LaunchNetwork {
  const [nic, ...more] = input.NetworkInterfaces ?? [];
  if (more.length > 0) throw unsupported("more than one network interface");
  if (nic !== undefined) checkInterface(input, nic);
  const subnet = chooseSubnet(call, input, { type, subnetId: nic?.SubnetId ?? input.SubnetId });
  const groupIds = chooseGroups(call, {
    ids: nic === undefined ? input.SecurityGroupIds : nic.Groups,
    names: input.SecurityGroups,
    vpcId: subnet.vpcId,
  });
  const privateAddress = nic?.PrivateIpAddress ?? input.PrivateIpAddress;
  if (privateAddress !== undefined && !isInCidr(privateAddress, subnet.cidr)) {
    throw invalidValue(`Address ${privateAddress} does not fall within the subnet's address range`);
  }
  return {
    subnet,
    groupIds,
    publicAddress: nic?.AssociatePublicIpAddress ?? subnet.mapPublicIpOnLaunch,
    privateAddress,
    description: nic?.Description ?? "",
    deleteOnTermination: nic?.DeleteOnTermination ?? true,
  };
}

function checkInterface(
  input: RunInstancesRequest,
  nic: InstanceNetworkInterfaceSpecification,
): void {
  refuseMembers(
    nic,
    [
      "AssociatePublicIpAddress",
      "DeleteOnTermination",
      "Description",
      "DeviceIndex",
      "Groups",
      "PrivateIpAddress",
      "SubnetId",
    ],
    "NetworkInterface",
  );
  if (input.SubnetId !== undefined) {
    throw invalidCombination(
      "Network interfaces and an instance-level subnet ID may not be specified on the same request",
    );
  }
  if ((input.SecurityGroupIds ?? input.SecurityGroups) !== undefined) {
    throw invalidCombination(
      "Network interfaces and an instance-level security groups may not be specified on the same request",
    );
  }
  if (nic.DeviceIndex !== 0) {
    throw invalidValue("A network interface with device index 0 is required.");
  }
}

function chooseSubnet(
  call: Call,
  input: RunInstancesRequest,
  wish: { readonly type: InstanceType; readonly subnetId: string | undefined },
): SubnetRecord {
  const { region, store } = call;
  const { type } = wish;
  const all = [...store.subnets.values()];
  const subnets = all.filter((one) => one.isDefault);
  const vpc = [...store.vpcs.values()].find((one) => one.isDefault);
  const zoneName = input.Placement?.AvailabilityZone;
  if (!isOffered(type, region)) {
    throw new ApiError(
      "Unsupported",
      "The requested configuration is currently not supported. Please check the documentation for supported configurations.",
    );
  }
  let candidates = subnets;
  if (wish.subnetId !== undefined) {
    checkId("subnet", wish.subnetId);
    candidates = all.filter((one) => one.id === wish.subnetId);
    if (candidates.length === 0) throw notFound("subnet", wish.subnetId);
  } else if (vpc === undefined) {
    throw new ApiError(
      "VPCIdNotSpecified",
      "No default VPC for this user. GroupName is only supported for EC2-Classic and default VPC.",
    );
  } else if (subnets.length === 0) {
    throw new ApiError(
      "MissingInput",
      `No subnets found for the default VPC '${vpc.id}'. Please specify a subnet.`,
    );
  }
  if (zoneName !== undefined) {
    if (![...region.zones, ...region.localZones].some((zone) => zone.name === zoneName)) {
      throw invalidValue(`Invalid availability zone: [${zoneName}]`);
    }
    candidates = candidates.filter(({ zone }) => zone.name === zoneName);
    if (candidates.length === 0) {
      throw invalidCombination("The availability zone and the subnet do not agree.");
    }
  }
  const subnet = candidates.find(({ zone }) => isOffered(type, region, zone));
  if (subnet !== undefined) return subnet;
  const zones = region.zones.filter((zone) => isOffered(type, region, zone));
  throw new ApiError(
    "Unsupported",
    `Your requested instance type (${type.name}) is not supported in your requested Availability ` +
      `Zone (${candidates[0]?.zone.name}). Please retry your request by not specifying an Availability ` +
      `Zone or choosing ${zones.map((zone) => zone.name).join(", ")}.`,
  );
}

function chooseGroups(
  call: Call,
  wish: {
    readonly ids: readonly string[] | undefined;
    readonly names: readonly string[] | undefined;
    readonly vpcId: string;
  },
): string[] {
  const groups = [...call.store.groups.values()].filter((one) => one.vpcId === wish.vpcId);
  const found: GroupRecord[] = [];
  for (const id of wish.ids ?? []) {
    checkId("sg", id);
    const group = groups.find((one) => one.id === id);
    if (group === undefined) throw notFound("sg", id);
    found.push(group);
  }
  for (const name of wish.names ?? []) {
    const group = groups.find((one) => one.name === name);
    if (group === undefined) {
      throw new ApiError("InvalidGroup.NotFound", `The security group '${name}' does not exist`);
    }
    found.push(group);
  }
  if (found.length === 0) found.push(...groups.filter((one) => one.name === "default"));
  return [...new Set(found.map((group) => group.id))];
}
