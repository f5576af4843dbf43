/** CreateInternetGateway, Describe-, Attach-, Detach-, DeleteInternetGateway. */

import type {
  AttachInternetGatewayRequest,
  CreateInternetGatewayRequest,
  CreateInternetGatewayResult,
  DeleteInternetGatewayRequest,
  DescribeInternetGatewaysRequest,
  DescribeInternetGatewaysResult,
  DetachInternetGatewayRequest,
  InternetGateway,
} from "@aws-sdk/client-ec2";
import { type Action, type Call, ec2Action } from "../call.ts";
import { applyFilters } from "../filters.ts";
import { newId } from "../ids.ts";
import { paginate } from "../paging.ts";
import { ApiError } from "../protocol/api-error.ts";
import type { InternetGatewayRecord } from "../records/network.ts";
import { readTagSpecifications, tagList } from "../tags.ts";
import { findNamed, findOne } from "./find-named.ts";
import { hasDependencies } from "./vpcs.ts";

export const INTERNET_GATEWAY_ACTIONS: readonly Action[] = [
  ec2Action<CreateInternetGatewayRequest, CreateInternetGatewayResult>(
    "CreateInternetGateway",
    ["TagSpecifications"],
    createInternetGateway,
  ),
  ec2Action<DescribeInternetGatewaysRequest, DescribeInternetGatewaysResult>(
    "DescribeInternetGateways",
    ["Filters", "InternetGatewayIds", "MaxResults", "NextToken"],
    describeInternetGateways,
  ),
  ec2Action<AttachInternetGatewayRequest, object>(
    "AttachInternetGateway",
    ["InternetGatewayId", "VpcId"],
    attachInternetGateway,
  ),
  ec2Action<DetachInternetGatewayRequest, object>(
    "DetachInternetGateway",
    ["InternetGatewayId", "VpcId"],
    detachInternetGateway,
  ),
  ec2Action<DeleteInternetGatewayRequest, object>(
    "DeleteInternetGateway",
    ["InternetGatewayId"],
    deleteInternetGateway,
  ),
];

function createInternetGateway(
  input: CreateInternetGatewayRequest,
  call: Call,
): CreateInternetGatewayResult {
  const tags = readTagSpecifications(input.TagSpecifications, ["internet-gateway"]);
  call.commit();
  const gateway: InternetGatewayRecord = {
    id: newId("igw"),
    tags: tags("internet-gateway"),
    vpcId: undefined,
  };
  call.store.internetGateways.set(gateway.id, gateway);
  return { InternetGateway: describe(gateway, call) };
}

function describeInternetGateways(
  input: DescribeInternetGatewaysRequest,
  call: Call,
): DescribeInternetGatewaysResult {
  const ids = input.InternetGatewayIds;
  const named = findNamed("igw", [...call.store.internetGateways.values()], ids);
  const matching = applyFilters(named, input.Filters, {
    "attachment.vpc-id": (one) => one.vpcId,
    "internet-gateway-id": (one) => one.id,
  });
  const page = paginate(matching, input, { minimum: 5, maximum: 1000, ids });
  return {
    InternetGateways: page.items.map((one) => describe(one, call)),
    NextToken: page.NextToken,
  };
}

function describe(gateway: InternetGatewayRecord, call: Call): InternetGateway {
  const { id, vpcId } = gateway;
  // An attached one is shown as `available`, which is no attachment status. [SDK InternetGatewayAttachment]
  const attachment = { State: "available" as "attached", VpcId: vpcId };
  return {
    InternetGatewayId: id,
    OwnerId: call.account.id,
    Attachments: vpcId === undefined ? [] : [attachment],
    ...tagList(gateway.tags),
  };
}

function attachInternetGateway(input: AttachInternetGatewayRequest, call: Call): object {
  const gateway = findOne("igw", call.store.internetGateways, input.InternetGatewayId);
  const vpc = findOne("vpc", call.store.vpcs, input.VpcId);
  const others = [...call.store.internetGateways.values()];
  if (gateway.vpcId !== undefined || others.some((one) => one.vpcId === vpc.id)) {
    throw new ApiError(
      "Resource.AlreadyAssociated",
      `resource ${gateway.id} or network ${vpc.id} is already attached`,
    );
  }
  call.commit();
  gateway.vpcId = vpc.id;
  return {};
}

function detachInternetGateway(input: DetachInternetGatewayRequest, call: Call): object {
  const vpc = findOne("vpc", call.store.vpcs, input.VpcId);
  const gateway = call.store.internetGateways.get(input.InternetGatewayId ?? "");
  if (gateway?.vpcId !== vpc.id) {
    throw new ApiError(
      "Gateway.NotAttached",
      `resource ${input.InternetGatewayId} is not attached to network ${vpc.id}`,
    );
  }
  call.commit();
  gateway.vpcId = undefined;
  return {};
}

function deleteInternetGateway(input: DeleteInternetGatewayRequest, call: Call): object {
  const gateway = findOne("igw", call.store.internetGateways, input.InternetGatewayId);
  if (gateway.vpcId !== undefined) throw hasDependencies("internetGateway", gateway.id);
  call.commit();
  call.store.internetGateways.delete(gateway.id);
  return {};
}
