/** AllocateAddress, DescribeAddresses, ReleaseAddress; Create-, Describe-, DeleteNatGateway. */

import type {
  AllocateAddressRequest,
  AllocateAddressResult,
  CreateNatGatewayRequest,
  CreateNatGatewayResult,
  DeleteNatGatewayRequest,
  DeleteNatGatewayResult,
  DescribeAddressesRequest,
  DescribeAddressesResult,
  DescribeNatGatewaysRequest,
  DescribeNatGatewaysResult,
  NatGateway,
  ReleaseAddressRequest,
} from "@aws-sdk/client-ec2";
import { type Action, type Call, ec2Action } from "../call.ts";
import { applyFilters } from "../filters.ts";
import { newId } from "../ids.ts";
import { paginate } from "../paging.ts";
import { ApiError, invalidValue, missingParameter } from "../protocol/api-error.ts";
import type {
  ElasticAddressRecord,
  NatGatewayRecord,
  NatGatewayState,
} from "../records/network.ts";
import { State } from "../states.ts";
import { readTagSpecifications, tagList } from "../tags.ts";
import { findNamed, findOne } from "./find-named.ts";

export const NAT_GATEWAY_ACTIONS: readonly Action[] = [
  ec2Action<AllocateAddressRequest, AllocateAddressResult>(
    "AllocateAddress",
    ["Domain", "TagSpecifications"],
    allocateAddress,
  ),
  ec2Action<DescribeAddressesRequest, DescribeAddressesResult>(
    "DescribeAddresses",
    ["AllocationIds", "Filters"],
    describeAddresses,
  ),
  ec2Action<ReleaseAddressRequest, object>("ReleaseAddress", ["AllocationId"], releaseAddress),
  ec2Action<CreateNatGatewayRequest, CreateNatGatewayResult>(
    "CreateNatGateway",
    ["AllocationId", "ClientToken", "ConnectivityType", "SubnetId", "TagSpecifications"],
    createNatGateway,
  ),
  ec2Action<DescribeNatGatewaysRequest, DescribeNatGatewaysResult>(
    "DescribeNatGateways",
    ["Filter", "MaxResults", "NatGatewayIds", "NextToken"],
    describeNatGateways,
  ),
  ec2Action<DeleteNatGatewayRequest, DeleteNatGatewayResult>(
    "DeleteNatGateway",
    ["NatGatewayId"],
    deleteNatGateway,
  ),
];

/** Ours. The real one takes about a minute. */
const PENDING_MS = 50;

function allocateAddress(input: AllocateAddressRequest, call: Call): AllocateAddressResult {
  const tags = readTagSpecifications(input.TagSpecifications, ["elastic-ip"])("elastic-ip");
  const [zone] = call.region.zones;
  if (zone === undefined) throw new Error(`${call.region.name} has no zones`);
  call.commit();
  const address: ElasticAddressRecord = {
    id: newId("eipalloc"),
    tags,
    publicAddress: call.cloud.addresses.take(call.region, zone),
  };
  call.store.addresses.set(address.id, address);
  return { AllocationId: address.id, PublicIp: address.publicAddress, Domain: "vpc" };
}

function userOf(address: ElasticAddressRecord, call: Call): NatGatewayRecord | undefined {
  return [...call.store.natGateways.values()].find(
    (one) => one.allocationId === address.id && one.state.at(call.nowMs) !== "deleted",
  );
}

function describeAddresses(input: DescribeAddressesRequest, call: Call): DescribeAddressesResult {
  const all = [...call.store.addresses.values()];
  const named = findNamed("eipalloc", all, input.AllocationIds);
  const matching = applyFilters(named, input.Filters, {
    "allocation-id": (one) => one.id,
    domain: () => "vpc",
    "public-ip": (one) => one.publicAddress,
  });
  return {
    Addresses: matching.map((one) => ({
      AllocationId: one.id,
      PublicIp: one.publicAddress,
      Domain: "vpc",
      ...tagList(one.tags),
    })),
  };
}

function releaseAddress(input: ReleaseAddressRequest, call: Call): object {
  const address = findOne("eipalloc", call.store.addresses, input.AllocationId);
  if (userOf(address, call) !== undefined) {
    throw new ApiError("InvalidIPAddress.InUse", `Address ${address.publicAddress} is in use.`);
  }
  call.commit();
  call.store.addresses.delete(address.id);
  call.cloud.addresses.free(address.publicAddress);
  return {};
}

function createNatGateway(input: CreateNatGatewayRequest, call: Call): CreateNatGatewayResult {
  const { store } = call;
  const [knownId = ""] = store.tokens.recall("CreateNatGateway", input.ClientToken, input) ?? [];
  const known = store.natGateways.get(knownId);
  if (known !== undefined) return { NatGateway: describe(known, call) };
  const subnet = findOne("subnet", store.subnets, input.SubnetId);
  const kind = input.ConnectivityType ?? "public";
  if (kind !== "public" && kind !== "private") {
    throw invalidValue(`Value (${kind}) for parameter connectivityType is invalid.`);
  }
  if (kind === "public" && input.AllocationId === undefined) throw missingParameter("allocationId");
  const address =
    kind === "public" ? findOne("eipalloc", store.addresses, input.AllocationId) : undefined;
  if (address !== undefined && userOf(address, call) !== undefined) {
    throw new ApiError(
      "Resource.AlreadyAssociated",
      `Elastic IP address [${address.id}] is already associated`,
    );
  }
  const tags = readTagSpecifications(input.TagSpecifications, ["natgateway"])("natgateway");
  call.commit();
  const gateway: NatGatewayRecord = {
    id: newId("nat"),
    tags,
    vpcId: subnet.vpcId,
    subnetId: subnet.id,
    allocationId: address?.id,
    publicAddress: address?.publicAddress,
    privateAddress: call.cloud.addresses.takeWithin(subnet.cidr),
    createdAt: call.now,
    state: new State<NatGatewayState>("pending", call.nowMs).later(
      "available",
      call.nowMs + PENDING_MS,
    ),
  };
  store.natGateways.set(gateway.id, gateway);
  store.tokens.remember("CreateNatGateway", input.ClientToken, input, [gateway.id]);
  return { NatGateway: describe(gateway, call) };
}

function describeNatGateways(
  input: DescribeNatGatewaysRequest,
  call: Call,
): DescribeNatGatewaysResult {
  const all = [...call.store.natGateways.values()];
  const named = findNamed("nat", all, input.NatGatewayIds);
  const matching = applyFilters(named, input.Filter, {
    "nat-gateway-id": (one) => one.id,
    state: (one) => one.state.at(call.nowMs),
    "subnet-id": (one) => one.subnetId,
    "vpc-id": (one) => one.vpcId,
  });
  const page = paginate(matching, input, { minimum: 5, maximum: 1000, ids: input.NatGatewayIds });
  return {
    NatGateways: page.items.map((one) => describe(one, call)),
    NextToken: page.NextToken,
  };
}

function describe(gateway: NatGatewayRecord, call: Call): NatGateway {
  const state = gateway.state.at(call.nowMs);
  return {
    NatGatewayId: gateway.id,
    VpcId: gateway.vpcId,
    SubnetId: gateway.subnetId,
    State: state,
    CreateTime: gateway.createdAt,
    ConnectivityType: gateway.allocationId === undefined ? "private" : "public",
    NatGatewayAddresses: [
      {
        ...(gateway.allocationId === undefined
          ? {}
          : { AllocationId: gateway.allocationId, PublicIp: gateway.publicAddress }),
        PrivateIp: gateway.privateAddress,
        IsPrimary: true,
        Status: state === "available" ? "succeeded" : "associating",
      },
    ],
    ...tagList(gateway.tags),
  };
}

/** It is shown for a while as deleted, as with EC2. */
function deleteNatGateway(input: DeleteNatGatewayRequest, call: Call): DeleteNatGatewayResult {
  const gateway = findOne("nat", call.store.natGateways, input.NatGatewayId);
  call.commit();
  gateway.state.set("deleted", call.nowMs);
  call.cloud.addresses.free(gateway.privateAddress);
  return { NatGatewayId: gateway.id };
}
