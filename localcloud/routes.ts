/** Which way packets of a subnet take out of their VPC, and from whom they seem to come then. */

import type { NatGatewayRecord, RouteTableRecord, SubnetRecord } from "./records/network.ts";
import type { Store } from "./store.ts";

/** Its own, or the VPC's main one. */
export function routeTableOf(
  store: Pick<Store, "routeTables">,
  subnet: SubnetRecord,
): RouteTableRecord | undefined {
  const tables = [...store.routeTables.values()].filter((one) => one.vpcId === subnet.vpcId);
  const own = tables.find((one) => [...one.associations.values()].includes(subnet.id));
  return own ?? tables.find((one) => one.main);
}

/** The NAT gateway to which its way to everywhere leads. */
export function natGatewayOf(
  store: Pick<Store, "natGateways" | "routeTables">,
  subnet: SubnetRecord,
  nowMs: number,
): NatGatewayRecord | undefined {
  const route = routeTableOf(store, subnet)?.routes.find((one) => one.cidr === "0.0.0.0/0");
  const gateway = store.natGateways.get(route?.targetId ?? "");
  return gateway?.state.at(nowMs) === "available" ? gateway : undefined;
}
