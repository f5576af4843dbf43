/**
 * How the two helpers can meet: what each one's subnet leads out through, and from whom it seems to
 * come then. Whoever has an address of its own listens; whoever is behind a NAT gateway speaks first.
 */

import type { HelperSide } from "../../agent/contract.ts";
import type { Ec2 } from "../ec2/ec2.ts";
import type { RouteTable, Subnet } from "../ec2/network.ts";
import type { HelperRequest } from "./copy-request.ts";

/** How the other helper reaches this one. */
export type Reach =
  /** By a public address of its own. */
  | { readonly kind: "public" }
  /** By its private address, over peering, VPN or transit gateway. */
  | { readonly kind: "private" }
  /** Not at all; what it sends seems to come from this address. */
  | { readonly kind: "nat"; readonly address: string; readonly through: string };

/** Why a subnet will not do. */
export interface NoReach {
  readonly message: string;
  readonly hint: string;
}

const EVERYWHERE = "0.0.0.0/0";

/** A subnet with what can be done from there. */
export interface Place {
  readonly subnet: Subnet;
  readonly reach: Reach;
}

/**
 * Those of the subnets in which a helper can work, all with the same kind of reach: the best there is.
 *
 * @param subnets - At least one.
 */
export async function findPlaces(
  cloud: Ec2,
  wishes: HelperRequest,
  subnets: readonly Subnet[],
): Promise<{ places: Place[] } | { none: NoReach }> {
  const known = new Map<string, Promise<RouteTable[]>>();
  const tablesOf = ({ vpcId }: Subnet) => {
    const tables = known.get(vpcId) ?? cloud.describeRouteTables(vpcId);
    known.set(vpcId, tables);
    return tables;
  };
  const places: Place[] = [];
  let none: NoReach | undefined;
  for (const subnet of subnets) {
    const reach = await findReach(cloud, wishes, subnet, tablesOf);
    if ("none" in reach) none ??= reach.none;
    else places.push({ subnet, reach });
  }
  const best = places.find(({ reach }) => reach.kind === "public") ?? places[0];
  if (best !== undefined) {
    return { places: places.filter(({ reach }) => reach.kind === best.reach.kind) };
  }
  return { none: none ?? { message: `there is no subnet in ${cloud.region}`, hint: PRIVATE_HINT } };
}

async function findReach(
  cloud: Ec2,
  wishes: HelperRequest,
  subnet: Subnet,
  tablesOf: (subnet: Subnet) => Promise<RouteTable[]>,
): Promise<Reach | { none: NoReach }> {
  const place = placeOutside(cloud.region, subnet);
  if (place !== undefined) return { none: place };
  if (wishes.address === "private") return { kind: "private" };
  if (wishes.natAddress !== undefined) {
    return { kind: "nat", address: wishes.natAddress, through: "helper.*.natAddress" };
  }
  const target = wayOut(await tablesOf(subnet), subnet.subnetId);
  if (target === undefined) return { none: noWayOut(subnet) };
  if (target.startsWith("igw-")) return { kind: "public" };
  if (!target.startsWith("nat-")) return { none: unknownWayOut(subnet, target) };
  const [gateway] = await cloud.describeNatGateways([target]);
  const [address, ...more] = gateway?.publicAddresses ?? [];
  if (address !== undefined && more.length === 0) return { kind: "nat", address, through: target };
  return {
    none: address === undefined ? privateNat(subnet, target) : manyAddresses(subnet, target),
  };
}

/**
 * What packets to everywhere leave a subnet through; `undefined`: nothing, or what is gone. Pure.
 *
 * @param tables - All of the subnet's VPC: it follows the main one unless it has its own.
 */
export function wayOut(tables: readonly RouteTable[], subnetId: string): string | undefined {
  const own = tables.find(({ subnetIds }) => subnetIds.includes(subnetId));
  const table = own ?? tables.find(({ isMain }) => isMain);
  const route = table?.routes.find(({ cidr }) => cidr === EVERYWHERE);
  return route?.isActive === true ? route.target : undefined;
}

/** Which side waits for the other. With private addresses they reach each other. Pure. */
export function listenerOf(source: Reach, destination: Reach): HelperSide {
  return destination.kind === "nat" && source.kind !== "nat" ? "source" : "destination";
}

/** Why two helpers cannot meet, if so. Pure. */
export function whyApart(
  source: Reach,
  destination: Reach,
): (NoReach & { readonly property: string }) | undefined {
  const isPrivate = (reach: Reach) => reach.kind === "private";
  if (isPrivate(source) !== isPrivate(destination)) {
    const other = isPrivate(source) ? "destination" : "source";
    const side = isPrivate(source) ? "source" : "destination";
    return {
      property: `helper.${other}.address`,
      message:
        `The ${side}'s helper is to be reached by its private address and the ${other}'s is not: ` +
        "over peering, VPN or transit gateway each sees the other's private address.",
      hint: 'Set address to "private" on both sides, or on none.',
    };
  }
  if (source.kind !== "nat" || destination.kind !== "nat") return undefined;
  return {
    property: "helper",
    message:
      `Neither helper can be reached: the source's is behind ${source.through}, ` +
      `the destination's behind ${destination.through}.`,
    hint:
      "Give one side a subnetId whose route leads to an internet gateway, or connect the two " +
      'networks and set address to "private" on both sides.',
  };
}

/** Where EC2 is not all there: said by the names that Local Zones and Wavelength Zones have. */
function placeOutside(region: string, subnet: Subnet): NoReach | undefined {
  const { subnetId, outpostArn, availabilityZone } = subnet;
  const hint =
    "Give a subnet in an Availability Zone of the region; the copy does not depend on it.";
  if (outpostArn !== undefined) {
    return {
      message:
        `subnet ${subnetId} is on the Outpost ${outpostArn}, where snapshots may have to stay ` +
        "and few instance types are",
      hint,
    };
  }
  if (new RegExp(`^${region}[a-z]$`).test(availabilityZone)) return undefined;
  return {
    message:
      `subnet ${subnetId} is in ${availabilityZone}, a Local or Wavelength Zone, which lacks ` +
      "the volume and instance types that helpers use",
    hint,
  };
}

const PRIVATE_HINT =
  'Give a subnet with a route to an internet or NAT gateway; or, if both networks are connected, set address to "private" on both sides.';

function noWayOut({ subnetId }: Subnet): NoReach {
  return {
    message: `subnet ${subnetId} has no way out: no route to ${EVERYWHERE} that leads anywhere`,
    hint: PRIVATE_HINT,
  };
}

function unknownWayOut({ subnetId }: Subnet, target: string): NoReach {
  return {
    message: `subnet ${subnetId} leads out through ${target}, of which EC2 does not tell the public address`,
    hint: "Give natAddress, the one address that the world sees of it.",
  };
}

function privateNat({ subnetId }: Subnet, target: string): NoReach {
  return {
    message: `subnet ${subnetId} leads out through ${target}, a NAT gateway without a public address`,
    hint: "Give natAddress if the world sees one address of it all the same.",
  };
}

function manyAddresses({ subnetId }: Subnet, target: string): NoReach {
  return {
    message:
      `subnet ${subnetId} leads out through ${target}, which has several public addresses ` +
      "and takes any of them for a connection",
    hint: "Give a subnet whose NAT gateway has one public address.",
  };
}
