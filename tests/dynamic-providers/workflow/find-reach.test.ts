import assert from "node:assert/strict";
import { test } from "node:test";
import type { NatGateway, RouteTable, Subnet } from "../../../dynamic-providers/ec2/network.ts";
import type { HelperRequest } from "../../../dynamic-providers/workflow/copy-request.ts";
import {
  findPlaces,
  listenerOf,
  type Reach,
  wayOut,
  whyApart,
} from "../../../dynamic-providers/workflow/find-reach.ts";
import { onlyVerbs } from "./samples.ts";

function subnet(changes: Partial<Subnet> = {}): Subnet {
  return {
    subnetId: "subnet-1",
    vpcId: "vpc-1",
    availabilityZone: "us-east-1a",
    ...changes,
  };
}

function table(target: string, changes: Partial<RouteTable> = {}): RouteTable {
  const local = { cidr: "10.0.0.0/16", target: "local", isActive: true };
  const routes = [local, { cidr: "0.0.0.0/0", target, isActive: true }];
  return { isMain: true, subnetIds: [], routes, ...changes };
}

/** Where a helper ends up, or why nowhere. */
async function reachIn(
  tables: readonly RouteTable[],
  more: { wishes?: HelperRequest; at?: Partial<Subnet>; gateways?: readonly NatGateway[] } = {},
): Promise<Reach | string> {
  const cloud = onlyVerbs({
    describeRouteTables: async () => tables,
    describeNatGateways: async (ids: string[]) =>
      (more.gateways ?? []).filter(({ natGatewayId }) => ids.includes(natGatewayId)),
  });
  const found = await findPlaces(cloud, more.wishes ?? {}, [subnet(more.at)]);
  if ("none" in found) return found.none.message;
  const [place] = found.places;
  assert.ok(place);
  return place.reach;
}

test("a subnet's own table counts, else its VPC's main one, and no route that leads nowhere", () => {
  const main = table("igw-1");
  const own = table("nat-1", { isMain: false, subnetIds: ["subnet-1"] });
  assert.equal(wayOut([main, own], "subnet-1"), "nat-1");
  assert.equal(wayOut([main, own], "subnet-2"), "igw-1");
  assert.equal(wayOut([{ ...main, routes: [] }], "subnet-1"), undefined);
  const dead = { cidr: "0.0.0.0/0", target: "igw-1", isActive: false };
  assert.equal(wayOut([{ ...main, routes: [dead] }], "subnet-1"), undefined);
});

test("an internet gateway means a public address, a NAT gateway its own", async () => {
  assert.deepEqual(await reachIn([table("igw-1")]), { kind: "public" });
  const gateways = [{ natGatewayId: "nat-1", publicAddresses: ["192.0.2.9"] }];
  assert.deepEqual(await reachIn([table("nat-1")], { gateways }), {
    kind: "nat",
    address: "192.0.2.9",
    through: "nat-1",
  });
});

test("a NAT gateway of several addresses, or of none, is no way to be known by", async () => {
  const publicAddresses = ["192.0.2.9", "192.0.2.10"];
  const gateways = [{ natGatewayId: "nat-1", publicAddresses }];
  assert.match(String(await reachIn([table("nat-1")], { gateways })), /several public addresses/);
  assert.match(
    String(await reachIn([table("nat-2")], { gateways })),
    /subnet-1 leads out through nat-2, a NAT gateway without a public address/,
  );
});

test("what EC2 does not know the address of has to be given", async () => {
  assert.match(String(await reachIn([table("tgw-1")])), /leads out through tgw-1/);
  const wishes = { natAddress: "192.0.2.9" };
  const reach = await reachIn([table("tgw-1")], { wishes });
  assert.deepEqual(reach, { kind: "nat", address: "192.0.2.9", through: "helper.*.natAddress" });
});

test("with private addresses nobody asks for a way to the internet", async () => {
  const wishes = { address: "private" } as const;
  assert.deepEqual(await reachIn([], { wishes }), { kind: "private" });
  assert.match(String(await reachIn([])), /subnet-1 has no way out/);
});

test("Local Zones, Wavelength Zones and Outposts are refused with the reason", async () => {
  for (const zone of ["us-east-1-bos-1a", "us-east-1-wl1-bos-wlz-1"]) {
    const why = await reachIn([table("igw-1")], { at: { availabilityZone: zone } });
    assert.match(
      String(why),
      new RegExp(`subnet-1 is in ${zone}, a Local or Wavelength Zone, which`),
    );
  }
  const outpostArn = "arn:aws:outposts:us-east-1:1:outpost/op-1";
  const why = await reachIn([table("igw-1")], { at: { outpostArn } });
  assert.match(String(why), /on the Outpost arn:aws:outposts:us-east-1:1:outpost\/op-1, where/);
});

test("of several subnets those count that can be reached, and the routes are asked for once", async () => {
  let asked = 0;
  const cloud = onlyVerbs({
    async describeRouteTables() {
      asked++;
      return [table("igw-1"), table("nat-1", { isMain: false, subnetIds: ["subnet-1"] })];
    },
    describeNatGateways: async () => [{ natGatewayId: "nat-1", publicAddresses: ["192.0.2.9"] }],
  });
  const subnets = ["subnet-1", "subnet-2", "subnet-3"].map((subnetId) => subnet({ subnetId }));
  const found = await findPlaces(cloud, {}, subnets);
  assert.ok("places" in found);
  assert.deepEqual(
    found.places.map((place) => [place.subnet.subnetId, place.reach.kind]),
    [
      ["subnet-2", "public"],
      ["subnet-3", "public"],
    ],
  );
  assert.equal(asked, 1);
});

test("whoever can be reached listens; two that cannot be are told the way out", () => {
  const open: Reach = { kind: "public" };
  const inside: Reach = { kind: "private" };
  const behind: Reach = { kind: "nat", address: "192.0.2.9", through: "nat-1" };
  assert.equal(listenerOf(open, open), "destination");
  assert.equal(listenerOf(behind, open), "destination");
  assert.equal(listenerOf(open, behind), "source");
  assert.equal(listenerOf(inside, inside), "destination");
  const together: [Reach, Reach][] = [
    [open, open],
    [behind, open],
    [open, behind],
    [inside, inside],
  ];
  for (const pair of together) assert.equal(whyApart(...pair), undefined);
  const apart = whyApart(behind, { ...behind, through: "nat-2" });
  assert.equal(apart?.property, "helper");
  assert.match(apart?.message ?? "", /source's is behind nat-1, the destination's behind nat-2/);
  assert.match(apart?.hint ?? "", /internet gateway, or connect the two networks/);
  assert.equal(whyApart(inside, open)?.property, "helper.destination.address");
  assert.equal(whyApart(behind, inside)?.property, "helper.source.address");
});
