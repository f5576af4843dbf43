/**
 * DeleteSubnet, DetachInternetGateway, DeleteVpc: how an account comes to have no default VPC, as
 * many real ones do. Nothing here makes a new one.
 */

import type {
  DeleteSubnetRequest,
  DeleteVpcRequest,
  DetachInternetGatewayRequest,
} from "@aws-sdk/client-ec2";
import { type Action, type Call, ec2Action } from "../call.ts";
import { checkId, notFound } from "../ids.ts";
import { ApiError } from "../protocol/api-error.ts";
import type { VpcRecord } from "../records.ts";

export const NETWORK_REMOVAL_ACTIONS: readonly Action[] = [
  ec2Action<DeleteSubnetRequest, object>("DeleteSubnet", ["SubnetId"], deleteSubnet),
  ec2Action<DetachInternetGatewayRequest, object>(
    "DetachInternetGateway",
    ["InternetGatewayId", "VpcId"],
    detachInternetGateway,
  ),
  ec2Action<DeleteVpcRequest, object>("DeleteVpc", ["VpcId"], deleteVpc),
];

function deleteSubnet(input: DeleteSubnetRequest, call: Call): object {
  const { instances, subnets } = call.store;
  const id = input.SubnetId ?? "";
  checkId("subnet", id);
  if (!subnets.has(id)) throw notFound("subnet", id);
  const used = [...instances.values()].some(
    (one) => one.networkInterface.subnetId === id && one.state.at(call.nowMs) !== "terminated",
  );
  if (used) throw hasDependencies("subnet", id);
  call.commit();
  subnets.delete(id);
  return {};
}

function detachInternetGateway(input: DetachInternetGatewayRequest, call: Call): object {
  const vpc = findVpc(call, input.VpcId);
  const { InternetGatewayId: id } = input;
  if (vpc.internetGatewayId === undefined || vpc.internetGatewayId !== id) {
    throw new ApiError(
      "Gateway.NotAttached",
      `resource ${id} is not attached to network ${vpc.id}`,
    );
  }
  call.commit();
  vpc.internetGatewayId = undefined;
  return {};
}

function deleteVpc(input: DeleteVpcRequest, call: Call): object {
  const { groups, subnets, vpcs } = call.store;
  const vpc = findVpc(call, input.VpcId);
  const own = [...groups.values()].filter((group) => group.vpcId === vpc.id);
  if (
    [...subnets.values()].some((subnet) => subnet.vpcId === vpc.id) ||
    own.some((group) => group.name !== "default") ||
    vpc.internetGatewayId !== undefined
  ) {
    throw hasDependencies("vpc", vpc.id);
  }
  call.commit();
  for (const group of own) groups.delete(group.id);
  vpcs.delete(vpc.id);
  return {};
}

function findVpc(call: Call, id = ""): VpcRecord {
  checkId("vpc", id);
  const vpc = call.store.vpcs.get(id);
  if (vpc === undefined) throw notFound("vpc", id);
  return vpc;
}

function hasDependencies(kind: string, id: string): ApiError {
  return new ApiError(
    "DependencyViolation",
    `The ${kind} '${id}' has dependencies and cannot be deleted.`,
  );
}
