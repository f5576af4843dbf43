import assert from "node:assert/strict";
import { test } from "node:test";
import {
  CreateTagsCommand,
  DeleteSubnetCommand,
  DeleteTagsCommand,
  DeleteVpcCommand,
  DescribeAvailabilityZonesCommand,
  DescribeImagesCommand,
  DescribeInstancesCommand,
  DescribeInstanceTypeOfferingsCommand,
  DescribeInstanceTypesCommand,
  DescribeRouteTablesCommand,
  DescribeSubnetsCommand,
  DescribeTagsCommand,
  DescribeVolumesCommand,
  DescribeVpcsCommand,
  DetachInternetGatewayCommand,
  type Filter,
  paginateDescribeVolumes,
} from "@aws-sdk/client-ec2";
import { availableVolume, launch, openConformanceCloud, refusal } from "./conformance-cloud.ts";

const cloud = await openConformanceCloud();
const ec2 = cloud.ec2();

const tag = (id: string, tags: Readonly<Record<string, string>>, client = ec2) =>
  client.send(
    new CreateTagsCommand({
      Resources: [id],
      Tags: Object.entries(tags).map(([Key, Value]) => ({ Key, Value })),
    }),
  );

async function find(...Filters: Filter[]): Promise<(string | undefined)[]> {
  const { Volumes: volumes = [] } = await ec2.send(new DescribeVolumesCommand({ Filters }));
  return volumes.map((one) => one.VolumeId);
}

// [SDK Filter]: all filters, any value, wildcards
test("filters match all names and any of the values, with wildcards", async () => {
  const client = cloud.ec2("aws-2");
  const [a, b] = [await availableVolume(ec2), await availableVolume(ec2, { Size: 2 })];
  await tag(a, { run: "one", "with space": "x*y" });
  await tag(b, { run: "two" });
  assert.deepEqual(await find({ Name: "tag:run", Values: ["one"] }), [a]);
  assert.deepEqual(await find({ Name: "tag:run", Values: ["o*", "tw?"] }), [a, b]);
  assert.deepEqual(await find({ Name: "tag:run", Values: ["?"] }), []);
  assert.deepEqual(await find({ Name: "tag:with space", Values: ["x\\*y"] }), [a]);
  assert.deepEqual(await find({ Name: "tag:with space", Values: ["x\\?y"] }), []);
  assert.deepEqual(
    await find({ Name: "tag-key", Values: ["run"] }, { Name: "size", Values: ["2"] }),
    [b],
  );
  const theirs = new DescribeVolumesCommand({ Filters: [{ Name: "tag-key", Values: ["run"] }] });
  assert.deepEqual((await client.send(theirs)).Volumes, []);
});

test("a wildcard pattern made to be slow is not", async () => {
  const id = await availableVolume(ec2);
  await tag(id, { slow: "a".repeat(200) });
  const started = performance.now();
  const pattern = `${"*a".repeat(60)}b`;
  assert.deepEqual(await find({ Name: "tag:slow", Values: [pattern] }), []);
  // Not one that is merely busy: with backtracking it would be years.
  assert.ok(performance.now() - started < 10_000);
});

// moto: unknown filter names answered 500
test("a filter that does not exist is refused", async () => {
  const Filters = [{ Name: "colour", Values: ["red"] }];
  for (const call of [
    ec2.send(new DescribeVolumesCommand({ Filters })),
    ec2.send(new DescribeImagesCommand({ Filters })),
    ec2.send(new DescribeInstancesCommand({ Filters })),
    ec2.send(new DescribeSubnetsCommand({ Filters })),
  ]) {
    assert.equal(await refusal(call), "InvalidParameterValue");
  }
});

// moto: MaxResults ignored by DescribeImages, -Snapshots, -Volumes
test("pages hold what was asked for, and together everything once", async () => {
  const client = cloud.ec2("aws-1", "us-west-2");
  const AvailabilityZone = "us-west-2a";
  const made = await Promise.all(
    Array.from({ length: 12 }, () => availableVolume(client, { AvailabilityZone })),
  );
  const seen: (string | undefined)[] = [];
  const sizes: number[] = [];
  for await (const page of paginateDescribeVolumes({ client, pageSize: 5 }, {})) {
    sizes.push(page.Volumes?.length ?? 0);
    seen.push(...(page.Volumes ?? []).map((one) => one.VolumeId));
  }
  assert.deepEqual(sizes, [5, 5, 2]);
  assert.deepEqual(seen.sort(), made.sort());
});

// [SDK DescribeVolumesRequest.MaxResults], [errors-overview] InvalidNextToken
test("page sizes out of range, beside ids, and foreign tokens are refused", async () => {
  const id = await availableVolume(ec2);
  const describe = (request: object) => refusal(ec2.send(new DescribeVolumesCommand(request)));
  assert.equal(await describe({ MaxResults: 1 }), "InvalidParameterValue");
  assert.equal(await describe({ MaxResults: 5, VolumeIds: [id] }), "InvalidParameterCombination");
  assert.equal(await describe({ NextToken: "made up" }), "InvalidNextToken");
});

// [BC Tag]; moto CreateTags: unknown ids, aws: and long values were accepted
test("tags are all set or none, within EC2's limits", async () => {
  const id = await availableVolume(ec2);
  const many = (count: number) =>
    Object.fromEntries(Array.from({ length: count }, (_, i) => [`key${i}`, "v"]));
  assert.equal(await refusal(tag("vol-0123456789abcdef0", { a: "b" })), "InvalidVolume.NotFound");
  assert.equal(await refusal(tag("thing-1", { a: "b" })), "InvalidID");
  assert.equal(await refusal(tag(id, { "aws:x": "b" })), "InvalidParameterValue");
  assert.equal(await refusal(tag(id, { "": "b" })), "InvalidParameterValue");
  assert.equal(await refusal(tag(id, { ["k".repeat(129)]: "b" })), "InvalidParameterValue");
  assert.equal(await refusal(tag(id, { k: "v".repeat(257) })), "InvalidParameterValue");
  assert.equal(await refusal(tag(id, many(51))), "TagLimitExceeded");
  await tag(id, many(50));
  assert.equal(await refusal(tag(id, { more: "v" })), "TagLimitExceeded");
  const both = new CreateTagsCommand({
    Resources: [id, "vol-0123456789abcdef0"],
    Tags: [{ Key: "key0", Value: "changed" }],
  });
  assert.equal(await refusal(ec2.send(both)), "InvalidVolume.NotFound");
  assert.deepEqual(await find({ Name: "tag:key0", Values: ["changed"] }), []);
});

// [SDK DeleteTags]: with a value only that value goes
test("a tag goes by key, or by key and value", async () => {
  const id = await availableVolume(ec2);
  await tag(id, { a: "1", b: "2" });
  const untag = (...Tags: { Key: string; Value?: string }[]) =>
    ec2.send(new DeleteTagsCommand({ Resources: [id], Tags }));
  await untag({ Key: "a", Value: "other" }, { Key: "b" });
  const described = await ec2.send(
    new DescribeTagsCommand({ Filters: [{ Name: "resource-id", Values: [id] }] }),
  );
  assert.deepEqual(described.Tags, [
    { ResourceId: id, ResourceType: "volume", Key: "a", Value: "1" },
  ]);
});

// moto: a default VPC came without a way to the internet
test("each region has a default VPC with a public subnet in every zone and a way out", async () => {
  for (const [profile, region] of [
    ["aws-1", "eu-central-1"],
    ["aws-us-gov-2", "us-gov-east-1"],
    ["aws-cn-1", "cn-north-1"],
  ] as const) {
    const client = cloud.ec2(profile, region);
    const isDefault = [{ Name: "is-default", Values: ["true"] }];
    const { Vpcs: [vpc] = [] } = await client.send(new DescribeVpcsCommand({ Filters: isDefault }));
    const { AvailabilityZones: zones } = await client.send(
      new DescribeAvailabilityZonesCommand({}),
    );
    const inVpc = [{ Name: "vpc-id", Values: [vpc?.VpcId ?? ""] }];
    const { Subnets: subnets } = await client.send(new DescribeSubnetsCommand({ Filters: inVpc }));
    assert.deepEqual(
      subnets?.map((one) => one.AvailabilityZone),
      zones?.map((one) => one.ZoneName),
    );
    assert.ok(subnets?.every((one) => one.MapPublicIpOnLaunch && one.DefaultForAz));
    const tables = await client.send(new DescribeRouteTablesCommand({ Filters: inVpc }));
    const routes = tables.RouteTables?.[0]?.Routes ?? [];
    const out = routes.find((route) => route.DestinationCidrBlock === "0.0.0.0/0");
    assert.match(out?.GatewayId ?? "", /^igw-/);
  }
});

// [errors-overview] DependencyViolation, MissingInput, VPCIdNotSpecified: default VPC absent
test("an account can lose its default subnets and VPC, and then must name a subnet", async () => {
  const client = cloud.ec2("aws-1", "us-east-2");
  const { Vpcs: [vpc] = [] } = await client.send(new DescribeVpcsCommand({}));
  const VpcId = vpc?.VpcId ?? "";
  const removeVpc = () => client.send(new DeleteVpcCommand({ VpcId }));
  assert.equal(await refusal(removeVpc()), "DependencyViolation");
  const { Subnets: subnets = [] } = await client.send(new DescribeSubnetsCommand({}));
  for (const { SubnetId } of subnets) await client.send(new DeleteSubnetCommand({ SubnetId }));
  assert.equal(await refusal(launch(client)), "MissingInput");
  const { RouteTables: [table] = [] } = await client.send(new DescribeRouteTablesCommand({}));
  const InternetGatewayId = table?.Routes?.find((one) => one.GatewayId !== "local")?.GatewayId;
  await client.send(new DetachInternetGatewayCommand({ InternetGatewayId, VpcId }));
  await removeVpc();
  assert.equal(await refusal(launch(client)), "VPCIdNotSpecified");
});

// moto: no offerings in GovCloud and China
test("every region offers helper types, not the same in every zone", async () => {
  const gov = cloud.ec2("aws-us-gov-1", "us-gov-west-1");
  const { InstanceTypeOfferings: offered = [] } = await gov.send(
    new DescribeInstanceTypeOfferingsCommand({ LocationType: "region" }),
  );
  const names = offered.map((one) => String(one.InstanceType));
  assert.ok(names.includes("c7gn.large"));
  assert.ok(!names.includes("c8gb.large"));
  const { InstanceTypeOfferings: zones = [] } = await ec2.send(
    new DescribeInstanceTypeOfferingsCommand({
      LocationType: "availability-zone",
      Filters: [{ Name: "instance-type", Values: ["c8gb.large"] }],
    }),
  );
  assert.deepEqual(
    zones.map((one) => one.Location),
    ["us-east-1b", "us-east-1c", "us-east-1d"],
  );
});

// [SDK EbsInfo]; [errors-overview] InvalidInstanceType
test("types say how many volumes they take, and unknown ones are refused", async () => {
  const describe = (name: string, client = ec2) =>
    client.send(new DescribeInstanceTypesCommand({ InstanceTypes: [name as "c8gb.large"] }));
  const { InstanceTypes: [type] = [] } = await describe("c8gb.large");
  assert.equal(type?.EbsInfo?.MaximumEbsAttachments, 32);
  assert.deepEqual(type?.ProcessorInfo?.SupportedArchitectures, ["arm64"]);
  assert.equal(await refusal(describe("c8gb.huge")), "InvalidInstanceType");
  const gov = cloud.ec2("aws-us-gov-1", "us-gov-west-1");
  assert.equal(await refusal(describe("c8gb.large", gov)), "InvalidInstanceType");
});
