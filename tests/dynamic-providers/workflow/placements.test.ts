/** From where to where: each placement of the two sides is copied once, or refused with the way out. */

import assert from "node:assert/strict";
import { after, test } from "node:test";
import {
  CreateSubnetCommand,
  CreateVpcCommand,
  DescribeVpcsCommand,
  EC2Client,
} from "@aws-sdk/client-ec2";
import { fromIni } from "@aws-sdk/credential-providers";
import type { Rule } from "../../../dynamic-providers/ec2/network.ts";
import { copyImage } from "../../../dynamic-providers/workflow/copy-image.ts";
import type { CopyRequest } from "../../../dynamic-providers/workflow/copy-request.ts";
import { preflight } from "../../../dynamic-providers/workflow/preflight.ts";
import { removeImage } from "../../../dynamic-providers/workflow/remove-image.ts";
import type { Clouds } from "../../../dynamic-providers/workflow/run-context.ts";
import { makePrivateNetwork } from "../../localcloud/private-network.ts";
import { exchange, openCloudBench, QUICK, runId } from "./cloud-bench.ts";

const bench = await openCloudBench();
after(() => bench[Symbol.asyncDispose]());

const clients = new Map<string, EC2Client>();
after(() => {
  for (const client of clients.values()) client.destroy();
});

function client(profile: string, region: string): EC2Client {
  const { env, endpoint } = bench.cloud;
  const { AWS_SHARED_CREDENTIALS_FILE: filepath = "", AWS_CONFIG_FILE: configFilepath = "" } = env;
  const credentials = fromIni({ profile, ignoreCache: true, filepath, configFilepath });
  const made = new EC2Client({ region, endpoint, credentials });
  clients.set(`${profile} ${region} ${clients.size}`, made);
  return made;
}

interface Opened {
  readonly side: "source" | "destination";
  readonly direction: string;
  readonly rule: Rule;
}

let runs = 0;

/** Copies with stand-in agents and removes the copy; tells which ways were opened between them. */
async function copies(request: CopyRequest): Promise<Opened[]> {
  const opened: Opened[] = [];
  const watched = (side: Opened["side"], cloud: Clouds["source"]) =>
    exchange(cloud, {
      async allow(groupId, direction, rules) {
        opened.push(...rules.map((rule) => ({ side, direction, rule })));
        await cloud.allow(groupId, direction, rules);
      },
    });
  const { source, destination } = bench.clouds(request);
  const clouds = {
    source: watched("source", source),
    destination: watched("destination", destination),
  };
  const { problems, identity } = await preflight(request, clouds);
  assert.deepEqual(problems, []);
  assert.ok(identity);
  runs++;
  const context = await bench.context("good", { clouds });
  const { image } = await copyImage(request, { runId: runId(runs), ...identity }, context);
  assert.equal(image.region, request.destination.region);
  await removeImage(image, destination, { clock: context.clock, limits: QUICK });
  assert.deepEqual(await bench.leftovers(), []);
  return opened.filter(({ rule }) => rule.port === 46224 && rule.protocol === "udp");
}

async function refused(request: CopyRequest): Promise<string[]> {
  const { problems } = await preflight(request, bench.clouds(request));
  return problems.map(({ property, message, hint }) => `${property}: ${message} ${hint}`);
}

const { request } = bench;
const helper = (source: object, destination: object) => ({ helper: { source, destination } });

test("region to region of one account", async () => {
  const destination = { region: "us-west-2", environmentPrefix: "SOURCE_" };
  const opened = await copies({ ...request, destination });
  assert.deepEqual(opened.map(({ side, direction }) => `${side} ${direction}`).toSorted(), [
    "destination ingress",
    "source egress",
  ]);
});

test("account to account in one region", async () => {
  await copies({ ...request, destination: { region: "us-east-1", profile: "aws-2" } });
});

test("within one account and region", async () => {
  await copies({ ...request, destination: request.source });
});

test("partition to partition, with a source behind a NAT gateway: it calls, from the gateway's address", async () => {
  const { privateSubnetId, natAddress } = await makePrivateNetwork(
    client("aws-1", "us-east-1"),
    "us-east-1b",
  );
  const opened = await copies({ ...request, ...helper({ subnetId: privateSubnetId }, {}) });
  const way = opened.find(({ direction }) => direction === "ingress");
  assert.equal(way?.side, "destination");
  assert.equal(way?.rule.cidr, `${natAddress}/32`);
});

test("with a destination behind a NAT gateway the source listens", async () => {
  const { privateSubnetId, natAddress } = await makePrivateNetwork(
    client("aws-us-gov-1", "us-gov-west-1"),
    "us-gov-west-1b",
  );
  const opened = await copies({ ...request, ...helper({}, { subnetId: privateSubnetId }) });
  const way = opened.find(({ direction }) => direction === "ingress");
  assert.deepEqual([way?.side, way?.rule.cidr], ["source", `${natAddress}/32`]);
});

test("with both behind NAT gateways it is refused with the way out", async () => {
  const [from, to] = await Promise.all([
    makePrivateNetwork(client("aws-1", "us-east-1"), "us-east-1c"),
    makePrivateNetwork(client("aws-us-gov-1", "us-gov-west-1"), "us-gov-west-1c"),
  ]);
  const lines = await refused({
    ...request,
    ...helper({ subnetId: from.privateSubnetId }, { subnetId: to.privateSubnetId }),
  });
  assert.deepEqual(lines, [
    `helper: Neither helper can be reached: the source's is behind ${from.natGatewayId}, the destination's behind ${to.natGatewayId}. ` +
      "Give one side a subnetId whose route leads to an internet gateway, or connect the two networks " +
      'and set address to "private" on both sides.',
  ]);
  const given = { natAddress: "192.0.2.9" };
  assert.match(
    (await refused({ ...request, ...helper(given, given) }))[0] ?? "",
    /^helper: Neither/,
  );
});

test("over private addresses both sides say so, and each admits the other's", async () => {
  const address = "private";
  const opened = await copies({ ...request, ...helper({ address }, { address }) });
  assert.equal(opened.length, 2);
  const one = await refused({ ...request, ...helper({ address }, {}) });
  assert.match(one.join("\n"), /^helper\.destination\.address: .* on both sides, or on none\.$/);
});

test("a Local Zone and an Outpost are refused with the reason", async () => {
  const ec2 = client("aws-1", "us-east-1");
  const { Vpcs: [own] = [] } = await ec2.send(new DescribeVpcsCommand({}));
  const CidrBlock = own?.CidrBlock ?? "";
  const { Vpc: vpc } = await ec2.send(new CreateVpcCommand({ CidrBlock }));
  const VpcId = vpc?.VpcId ?? "";
  const OutpostArn = "arn:aws:outposts:us-east-1:100000000001:outpost/op-0123456789abcdef0";
  const subnet = async (last: number, where: object) => {
    const block = CidrBlock.replace(/\d+\/\d+$/, `${last}/28`);
    const wish = new CreateSubnetCommand({ VpcId, CidrBlock: block, ...where });
    return (await ec2.send(wish)).Subnet?.SubnetId ?? "";
  };
  const zone = await subnet(0, { AvailabilityZone: "us-east-1-bos-1a" });
  const outpost = await subnet(16, { AvailabilityZone: "us-east-1a", OutpostArn });
  const [local] = await refused({ ...request, ...helper({ subnetId: zone }, {}) });
  assert.match(
    local ?? "",
    /^helper\.source\.subnetId: Subnet \S+ is in us-east-1-bos-1a, a Local/,
  );
  const [there] = await refused({ ...request, ...helper({ subnetId: outpost }, {}) });
  assert.match(there ?? "", /^helper\.source\.subnetId: Subnet \S+ is on the Outpost arn:aws:/);
});

test("without a default VPC a subnet has to be given, and then it works", async () => {
  const { publicSubnetId } = await makePrivateNetwork(
    client("aws-us-gov-2", "us-gov-west-1"),
    "us-gov-west-1a",
  );
  const place = { region: "us-gov-west-1", account: "aws-us-gov-2" };
  await bench.cloud.configure({ ...place, settings: { defaultVpc: false } });
  const destination = { region: "us-gov-west-1", profile: "aws-us-gov-2" };
  const [line] = await refused({ ...request, destination });
  assert.match(
    line ?? "",
    /^helper\.destination\.subnetId: There is no default VPC with a default/,
  );
  await copies({ ...request, destination, ...helper({}, { subnetId: publicSubnetId }) });
});
