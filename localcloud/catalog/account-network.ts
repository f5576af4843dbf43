/** What networks start with: an account's default VPC, and the parts that every VPC has. */

import type { AddressSpace } from "../address-space.ts";
import { newId } from "../ids.ts";
import type {
  InternetGatewayRecord,
  RouteTableRecord,
  SubnetRecord,
  VpcRecord,
} from "../records/network.ts";
import type { GroupRecord } from "../records/security-group.ts";
import type { Region } from "./regions.ts";

/** The stores' parts that belong to networks. */
export interface Network {
  readonly vpcs: Map<string, VpcRecord>;
  readonly subnets: Map<string, SubnetRecord>;
  readonly groups: Map<string, GroupRecord>;
  readonly routeTables: Map<string, RouteTableRecord>;
  readonly internetGateways: Map<string, InternetGatewayRecord>;
}

/** One VPC with a public subnet in each zone and a way to the internet. */
export function makeDefaultNetwork(region: Region, addresses: AddressSpace): Network {
  const network: Network = {
    vpcs: new Map(),
    subnets: new Map(),
    groups: new Map(),
    routeTables: new Map(),
    internetGateways: new Map(),
  };
  const { vpc, mainTable } = addVpc(network, {
    cidr: addresses.regionCidr(region),
    isDefault: true,
    tags: new Map(),
  });
  const gateway = { id: newId("igw"), tags: new Map<string, string>(), vpcId: vpc.id };
  network.internetGateways.set(gateway.id, gateway);
  mainTable.routes.push({ cidr: "0.0.0.0/0", targetId: gateway.id });
  for (const zone of region.zones) {
    const subnet: SubnetRecord = {
      id: newId("subnet"),
      tags: new Map(),
      vpcId: vpc.id,
      zone,
      cidr: addresses.zoneCidr(region, zone),
      isDefault: true,
      mapPublicIpOnLaunch: true,
      outpostArn: undefined,
    };
    network.subnets.set(subnet.id, subnet);
  }
  return network;
}

/** With its main route table and its group `default`, as every VPC. */
export function addVpc(
  network: Network,
  wish: Pick<VpcRecord, "cidr" | "isDefault" | "tags">,
): { vpc: VpcRecord; mainTable: RouteTableRecord } {
  const vpc: VpcRecord = { id: newId("vpc"), ...wish };
  const mainTable: RouteTableRecord = {
    id: newId("rtb"),
    tags: new Map(),
    vpcId: vpc.id,
    main: true,
    associations: new Map(),
    routes: [],
  };
  const group = makeDefaultGroup(vpc.id);
  network.vpcs.set(vpc.id, vpc);
  network.routeTables.set(mainTable.id, mainTable);
  network.groups.set(group.id, group);
  return { vpc, mainTable };
}

function makeDefaultGroup(vpcId: string): GroupRecord {
  const group: GroupRecord = {
    id: newId("sg"),
    tags: new Map(),
    name: "default",
    description: "default VPC security group",
    vpcId,
    rules: [],
  };
  const everything = { protocol: "-1", fromPort: -1, toPort: -1, description: undefined };
  group.rules = [
    { id: newId("sgr"), tags: new Map(), egress: false, ...everything, groupId: group.id },
    { id: newId("sgr"), tags: new Map(), egress: true, ...everything, cidrIpv4: "0.0.0.0/0" },
  ];
  return group;
}
