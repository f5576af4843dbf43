/** CreateRouteTable, DescribeRouteTables, CreateRoute, AssociateRouteTable, DeleteRouteTable. */

import type {
  AssociateRouteTableRequest,
  AssociateRouteTableResult,
  CreateRouteRequest,
  CreateRouteResult,
  CreateRouteTableRequest,
  CreateRouteTableResult,
  DeleteRouteTableRequest,
  DescribeRouteTablesRequest,
  DescribeRouteTablesResult,
  DisassociateRouteTableRequest,
  Route,
  RouteTable,
} from "@aws-sdk/client-ec2";
import { type Action, type Call, ec2Action } from "../call.ts";
import { parseCidr } from "../cidr.ts";
import { applyFilters } from "../filters.ts";
import { newId } from "../ids.ts";
import { paginate } from "../paging.ts";
import { ApiError, invalidValue, missingParameter } from "../protocol/api-error.ts";
import type { RouteRecord, RouteTableRecord } from "../records/network.ts";
import { readTagSpecifications, tagList } from "../tags.ts";
import { findNamed, findOne } from "./find-named.ts";
import { hasDependencies } from "./vpcs.ts";

export const ROUTE_TABLE_ACTIONS: readonly Action[] = [
  ec2Action<DescribeRouteTablesRequest, DescribeRouteTablesResult>(
    "DescribeRouteTables",
    ["RouteTableIds", "Filters", "NextToken", "MaxResults"],
    describeRouteTables,
  ),
  ec2Action<CreateRouteTableRequest, CreateRouteTableResult>(
    "CreateRouteTable",
    ["ClientToken", "TagSpecifications", "VpcId"],
    createRouteTable,
  ),
  ec2Action<CreateRouteRequest, CreateRouteResult>(
    "CreateRoute",
    [
      "DestinationCidrBlock",
      "GatewayId",
      "NatGatewayId",
      "RouteTableId",
      "TransitGatewayId",
      "VpcPeeringConnectionId",
    ],
    createRoute,
  ),
  ec2Action<AssociateRouteTableRequest, AssociateRouteTableResult>(
    "AssociateRouteTable",
    ["RouteTableId", "SubnetId"],
    associateRouteTable,
  ),
  ec2Action<DisassociateRouteTableRequest, object>(
    "DisassociateRouteTable",
    ["AssociationId"],
    disassociateRouteTable,
  ),
  ec2Action<DeleteRouteTableRequest, object>(
    "DeleteRouteTable",
    ["RouteTableId"],
    deleteRouteTable,
  ),
];

function describeRouteTables(
  input: DescribeRouteTablesRequest,
  call: Call,
): DescribeRouteTablesResult {
  const tables = [...call.store.routeTables.values()];
  const named = findNamed("rtb", tables, input.RouteTableIds);
  const targets = (kind: RegExp) => (one: RouteTableRecord) =>
    one.routes.map(({ targetId }) => (kind.test(targetId) ? targetId : undefined));
  const matching = applyFilters(named, input.Filters, {
    "association.main": (one) => one.main,
    "association.route-table-association-id": (one) => [...one.associations.keys()],
    // Subnets without one of their own follow the main table, and are not in it.
    "association.subnet-id": (one) => [...one.associations.values()],
    "route-table-id": ({ id }) => id,
    "route.destination-cidr-block": (one) => [
      call.store.vpcs.get(one.vpcId)?.cidr,
      ...one.routes.map((route) => route.cidr),
    ],
    "route.gateway-id": (one) => ["local", ...targets(/^igw-/)(one)],
    "route.nat-gateway-id": targets(/^nat-/),
    "route.transit-gateway-id": targets(/^tgw-/),
    "route.vpc-peering-connection-id": targets(/^pcx-/),
    "vpc-id": ({ vpcId }) => vpcId,
  });
  const page = paginate(matching, input, { minimum: 5, maximum: 1000, ids: input.RouteTableIds });
  return {
    RouteTables: page.items.map((one) => describe(one, call)),
    NextToken: page.NextToken,
  };
}

function describe(table: RouteTableRecord, call: Call): RouteTable {
  const associated = { RouteTableId: table.id, AssociationState: { State: "associated" as const } };
  const main = { RouteTableAssociationId: table.id.replace(/^rtb/, "rtbassoc"), Main: true };
  return {
    RouteTableId: table.id,
    VpcId: table.vpcId,
    OwnerId: call.account.id,
    Associations: [
      ...(table.main ? [{ ...main, ...associated }] : []),
      ...[...table.associations].map(([id, SubnetId]) => ({
        RouteTableAssociationId: id,
        Main: false,
        SubnetId,
        ...associated,
      })),
    ],
    PropagatingVgws: [],
    Routes: [
      {
        DestinationCidrBlock: call.store.vpcs.get(table.vpcId)?.cidr,
        GatewayId: "local",
        Origin: "CreateRouteTable",
        State: "active",
      },
      ...table.routes.map((route) => describeRoute(route, table, call)),
    ],
    ...tagList(table.tags),
  };
}

/** A route to what has gone or was taken off the VPC leads nowhere. */
function describeRoute(route: RouteRecord, table: RouteTableRecord, call: Call): Route {
  const { internetGateways, natGateways } = call.store;
  const { targetId } = route;
  const dead =
    (targetId.startsWith("igw-") && internetGateways.get(targetId)?.vpcId !== table.vpcId) ||
    (targetId.startsWith("nat-") &&
      natGateways.get(targetId)?.state.at(call.nowMs) !== "available");
  const target = TARGETS.find(([prefix]) => targetId.startsWith(prefix));
  return {
    DestinationCidrBlock: route.cidr,
    ...(target === undefined ? {} : { [target[1]]: targetId }),
    Origin: "CreateRoute",
    State: dead ? "blackhole" : "active",
  };
}

const TARGETS = [
  ["igw-", "GatewayId"],
  ["nat-", "NatGatewayId"],
  ["tgw-", "TransitGatewayId"],
  ["pcx-", "VpcPeeringConnectionId"],
] as const;

function createRouteTable(input: CreateRouteTableRequest, call: Call): CreateRouteTableResult {
  const { routeTables, tokens } = call.store;
  const [knownId = ""] = tokens.recall("CreateRouteTable", input.ClientToken, input) ?? [];
  const known = routeTables.get(knownId);
  if (known !== undefined) return { RouteTable: describe(known, call) };
  const vpc = findOne("vpc", call.store.vpcs, input.VpcId);
  const tags = readTagSpecifications(input.TagSpecifications, ["route-table"])("route-table");
  call.commit();
  const table: RouteTableRecord = {
    id: newId("rtb"),
    tags,
    vpcId: vpc.id,
    main: false,
    associations: new Map(),
    routes: [],
  };
  routeTables.set(table.id, table);
  tokens.remember("CreateRouteTable", input.ClientToken, input, [table.id]);
  return { RouteTable: describe(table, call) };
}

function createRoute(input: CreateRouteRequest, call: Call): CreateRouteResult {
  const { internetGateways, natGateways, routeTables } = call.store;
  const table = findOne("rtb", routeTables, input.RouteTableId);
  const { DestinationCidrBlock: cidr = "" } = input;
  if (parseCidr(cidr) === undefined) {
    throw invalidValue(`Value (${cidr}) for parameter destinationCidrBlock is invalid.`);
  }
  if (table.routes.some((one) => one.cidr === cidr)) {
    throw new ApiError(
      "RouteAlreadyExists",
      `The route identified by ${cidr} already exists in ${table.id}`,
    );
  }
  const targetId = TARGETS.map(([, name]) => input[name]).find((one) => one !== undefined);
  if (targetId === undefined) throw missingParameter("gatewayId");
  if (targetId.startsWith("igw-")) findOne("igw", internetGateways, targetId);
  if (targetId.startsWith("nat-")) findOne("nat", natGateways, targetId);
  call.commit();
  table.routes.push({ cidr, targetId });
  return { Return: true };
}

function associateRouteTable(
  input: AssociateRouteTableRequest,
  call: Call,
): AssociateRouteTableResult {
  const table = findOne("rtb", call.store.routeTables, input.RouteTableId);
  const subnet = findOne("subnet", call.store.subnets, input.SubnetId);
  const tables = [...call.store.routeTables.values()];
  if (tables.some((one) => [...one.associations.values()].includes(subnet.id))) {
    throw new ApiError(
      "Resource.AlreadyAssociated",
      `the specified association for route table ${table.id} conflicts with an existing association`,
    );
  }
  if (table.vpcId !== subnet.vpcId) {
    throw invalidValue(
      `route table ${table.id} and subnet ${subnet.id} belong to different networks`,
    );
  }
  call.commit();
  const id = newId("rtbassoc");
  table.associations.set(id, subnet.id);
  return { AssociationId: id, AssociationState: { State: "associated" } };
}

function disassociateRouteTable(input: DisassociateRouteTableRequest, call: Call): object {
  const id = input.AssociationId ?? "";
  const table = [...call.store.routeTables.values()].find((one) => one.associations.has(id));
  if (table === undefined) {
    throw new ApiError(
      "InvalidAssociationID.NotFound",
      `The association ID '${id}' does not exist`,
    );
  }
  call.commit();
  table.associations.delete(id);
  return {};
}

function deleteRouteTable(input: DeleteRouteTableRequest, call: Call): object {
  const table = findOne("rtb", call.store.routeTables, input.RouteTableId);
  if (table.main || table.associations.size > 0) throw hasDependencies("routeTable", table.id);
  call.commit();
  call.store.routeTables.delete(table.id);
  return {};
}
