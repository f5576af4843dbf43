/** CreateVpc, DescribeVpcs, DeleteVpc. */

import type {
  CreateVpcRequest,
  CreateVpcResult,
  DeleteVpcRequest,
  DescribeVpcsRequest,
  DescribeVpcsResult,
  Vpc,
} from "@aws-sdk/client-ec2";
import { type Action, type Call, ec2Action } from "../call.ts";
import { addVpc } from "../catalog/account-network.ts";
import { containsCidr, parseCidr } from "../cidr.ts";
import { applyFilters } from "../filters.ts";
import { paginate } from "../paging.ts";
import { ApiError, invalidValue, unsupported } from "../protocol/api-error.ts";
import type { VpcRecord } from "../records/network.ts";
import { readTagSpecifications, tagList } from "../tags.ts";
import { findNamed, findOne } from "./find-named.ts";

export const VPC_ACTIONS: readonly Action[] = [
  ec2Action<DescribeVpcsRequest, DescribeVpcsResult>(
    "DescribeVpcs",
    ["VpcIds", "Filters", "NextToken", "MaxResults"],
    describeVpcs,
  ),
  ec2Action<CreateVpcRequest, CreateVpcResult>(
    "CreateVpc",
    ["CidrBlock", "TagSpecifications"],
    createVpc,
  ),
  ec2Action<DeleteVpcRequest, object>("DeleteVpc", ["VpcId"], deleteVpc),
];

function describeVpcs(input: DescribeVpcsRequest, call: Call): DescribeVpcsResult {
  const vpcs = findNamed("vpc", [...call.store.vpcs.values()], input.VpcIds);
  const matching = applyFilters(vpcs, input.Filters, {
    cidr: (vpc) => vpc.cidr,
    "is-default": (vpc) => vpc.isDefault,
    isDefault: (vpc) => vpc.isDefault,
    "owner-id": () => call.account.id,
    state: () => "available",
    "vpc-id": (vpc) => vpc.id,
  });
  const page = paginate(matching, input, { minimum: 5, maximum: 1000, ids: input.VpcIds });
  return { Vpcs: page.items.map((vpc) => describeVpc(vpc, call)), NextToken: page.NextToken };
}

function describeVpc(vpc: VpcRecord, call: Call): Vpc {
  return {
    VpcId: vpc.id,
    CidrBlock: vpc.cidr,
    IsDefault: vpc.isDefault,
    State: "available",
    OwnerId: call.account.id,
    InstanceTenancy: "default",
    ...tagList(vpc.tags),
  };
}

/** Real addresses are this computer's: a VPC is cut out of those that the region has here. */
function createVpc(input: CreateVpcRequest, call: Call): CreateVpcResult {
  const cidr = input.CidrBlock ?? "";
  const bits = parseCidr(cidr)?.bits;
  if (bits === undefined) throw invalidValue(`Value (${cidr}) for parameter cidrBlock is invalid.`);
  if (bits < 16 || bits > 28) {
    throw new ApiError("InvalidVpc.Range", `The CIDR '${cidr}' is invalid.`);
  }
  const here = call.cloud.addresses.regionCidr(call.region);
  if (!containsCidr(here, cidr)) throw unsupported(`VPCs outside of ${here} in this region`);
  const tags = readTagSpecifications(input.TagSpecifications, ["vpc"])("vpc");
  call.commit();
  const { vpc } = addVpc(call.store, { cidr, isDefault: false, tags });
  return { Vpc: describeVpc(vpc, call) };
}

function deleteVpc(input: DeleteVpcRequest, call: Call): object {
  const { groups, internetGateways, natGateways, routeTables, subnets, vpcs } = call.store;
  const vpc = findOne("vpc", vpcs, input.VpcId);
  const isHere = ({ vpcId }: { readonly vpcId: string | undefined }) => vpcId === vpc.id;
  const own = [...groups.values()].filter(isHere);
  if (
    [...subnets.values()].some(isHere) ||
    [...internetGateways.values()].some(isHere) ||
    [...natGateways.values()].some(
      (one) => isHere(one) && one.state.at(call.nowMs) !== "deleted",
    ) ||
    [...routeTables.values()].some((one) => isHere(one) && !one.main) ||
    own.some((group) => group.name !== "default")
  ) {
    throw hasDependencies("vpc", vpc.id);
  }
  call.commit();
  for (const group of own) groups.delete(group.id);
  for (const table of [...routeTables.values()].filter(isHere)) routeTables.delete(table.id);
  vpcs.delete(vpc.id);
  return {};
}

export function hasDependencies(kind: string, id: string): ApiError {
  return new ApiError(
    "DependencyViolation",
    `The ${kind} '${id}' has dependencies and cannot be deleted.`,
  );
}
