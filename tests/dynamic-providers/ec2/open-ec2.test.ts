/** The adapter against a localcloud: every way to be somebody, absence, paging, the log. */

import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { after, test } from "node:test";
import { allPages } from "../../../dynamic-providers/ec2/caller.ts";
import { openEc2 } from "../../../dynamic-providers/ec2/open-ec2.ts";
import type { SideReference } from "../../../dynamic-providers/ec2/side-reference.ts";
import { startLocalcloud } from "../../../localcloud/localcloud.ts";

const cloud = await startLocalcloud();
after(() => cloud.close());

const REGION = "us-gov-west-1";

function open(reference: Partial<SideReference>, environment: NodeJS.ProcessEnv = cloud.env) {
  return openEc2({ region: REGION, ...reference }, environment);
}

test("a prefix, a profile and an assumed role each lead to their account", async () => {
  const prefix = await open({ environmentPrefix: "DESTINATION_" }).callerIdentity();
  assert.deepEqual([prefix.accountId, prefix.partition], ["200000000001", "aws-us-gov"]);
  const profile = await open({ profile: "aws-us-gov-2" }).callerIdentity();
  assert.equal(profile.accountId, "200000000002");
  const roleArn = "arn:aws-us-gov:iam::200000000002:role/amicopy-external";
  const role = { roleArn, externalId: "amicopy-test", sessionName: "a-session" };
  const assumed = await open({ profile: "aws-us-gov-1", assumeRole: role }).callerIdentity();
  assert.equal(assumed.accountId, "200000000002");
  assert.match(assumed.arn, /assumed-role\/amicopy-external\/a-session$/);
});

test("a role that asks for an external id is not entered without it", async () => {
  const roleArn = "arn:aws-us-gov:iam::200000000002:role/amicopy-external";
  const side = open({ environmentPrefix: "DESTINATION_", assumeRole: { roleArn } });
  await assert.rejects(side.describeImages({ owner: "self" }), { kind: "denied" });
});

test("keys of another partition are refused as credentials", async () => {
  await assert.rejects(open({ environmentPrefix: "SOURCE_" }).callerIdentity(), {
    name: "CloudError",
    kind: "credentials",
  });
});

test("a variable that is missing is named, and nothing else is tried instead", async () => {
  const environment = { ...cloud.env, AWS_ACCESS_KEY_ID: "x", AWS_SECRET_ACCESS_KEY: "y" };
  const side = open({ environmentPrefix: "GOV_" }, environment);
  await assert.rejects(side.callerIdentity(), (error: Error) => {
    assert.match(error.message, /the environment variable GOV_AWS_ACCESS_KEY_ID is not set/);
    return true;
  });
});

test("a create is signed with the time that answers have told", async () => {
  const dayMs = 24 * 60 * 60 * 1000;
  const signedAt: (string | undefined)[] = [];
  const server = createServer((request, response) => {
    signedAt.push(request.headers["x-amz-date"]?.toString());
    response.setHeader("Date", new Date(Date.now() + dayMs).toUTCString());
    response.end("<Response><groupId>sg-1</groupId></Response>");
  });
  await once(server.listen(0, "127.0.0.1"), "listening");
  try {
    const { port } = server.address() as AddressInfo;
    const AWS_ENDPOINT_URL = `http://127.0.0.1:${port}`;
    const environment = { ...cloud.env, AWS_ENDPOINT_URL };
    const side = open({ environmentPrefix: "DESTINATION_" }, environment);
    await side.describeSecurityGroups({ ids: ["sg-1"] });
    await side.createSecurityGroup({ name: "a", description: "d", vpcId: "vpc-1", tags: {} });
    const tomorrow = new Date(Date.now() + dayMs).toISOString().slice(0, 10).replaceAll("-", "");
    assert.ok(!signedAt[0]?.startsWith(tomorrow), signedAt.join());
    assert.ok(signedAt.at(-1)?.startsWith(tomorrow), signedAt.join());
    assert.ok(Math.abs(side.clockBehindMs() - dayMs) < 60_000);
  } finally {
    server.closeAllConnections();
    server.close();
  }
});

test("nobody there is an answer in seconds, and kind unreachable", async () => {
  const environment = { ...cloud.env, AWS_ENDPOINT_URL: "http://127.0.0.1:9" };
  const side = open({ environmentPrefix: "DESTINATION_" }, environment);
  await assert.rejects(side.describeSubnets({ defaults: true }), { kind: "unreachable" });
});

test("what is not there is left out, of one id and of several", async () => {
  const side = open({ environmentPrefix: "DESTINATION_" });
  const groupId = await side.createSecurityGroup({
    name: "a",
    description: "d",
    vpcId: (await side.describeSubnets({ defaults: true }))[0]?.vpcId ?? "",
    tags: { one: "1" },
  });
  const absent = "sg-00000000000000000";
  assert.deepEqual(await side.describeSecurityGroups({ ids: [absent] }), []);
  const found = await side.describeSecurityGroups({ ids: [absent, groupId] });
  assert.deepEqual(
    found.map((group) => group.groupId),
    [groupId],
  );
  assert.deepEqual(found[0]?.tags, { one: "1" });
  assert.deepEqual(await side.describeInstances({ ids: ["i-00000000000000000"] }), []);
  assert.deepEqual(await side.describeSnapshots({ ids: ["snap-00000000000000000"] }), []);
  assert.deepEqual(await side.describeImages({ imageIds: ["ami-00000000000000000"] }), []);
  assert.deepEqual(await side.describeInstanceTypes(["c99.large"]), []);
  await side.deleteSecurityGroup(groupId);
  await side.deleteSecurityGroup(groupId);
});

test("rules may be given and taken twice; a second group of a name is a duplicate", async () => {
  const side = open({ environmentPrefix: "DESTINATION_" });
  const vpcId = (await side.describeSubnets({ defaults: true }))[0]?.vpcId ?? "";
  const request = { name: "b", description: "d", vpcId, tags: { one: "1" } };
  const groupId = await side.createSecurityGroup(request);
  await assert.rejects(side.createSecurityGroup(request), { kind: "duplicate" });
  const rules = [{ protocol: "udp", port: 46224, cidr: "192.0.2.1/32" }] as const;
  for (const direction of ["ingress", "egress"] as const) {
    await side.allow(groupId, direction, rules);
    await side.allow(groupId, direction, rules);
    await side.revoke(groupId, direction, rules);
    await side.revoke(groupId, direction, rules);
  }
  await side.deleteSecurityGroup(groupId);
  await assert.rejects(side.allow(groupId, "ingress", rules), { kind: "not-found" });
});

test("all pages of an answer are read, and a server that never ends is cut off", async () => {
  const pages = new Map([
    ["", { items: [1, 2], NextToken: "a" }],
    ["a", { items: [], NextToken: "b" }],
    ["b", { items: [3] }],
  ]);
  const fetchPage = async ({ NextToken = "" }) => pages.get(NextToken) ?? { items: [] };
  assert.deepEqual(await allPages(fetchPage, ({ items }) => items), [1, 2, 3]);
  const endless = async () => ({ items: [0], NextToken: "again" });
  await assert.rejects(
    allPages(endless, ({ items }) => items),
    /more than 1000 pages/,
  );
});

test("the log has every call with its ids and outcome, on request only, and never a secret", async (t) => {
  const lines: string[] = [];
  t.mock.method(process.stderr, "write", (text: string) => lines.push(text) > 0);
  const environment: NodeJS.ProcessEnv = { ...cloud.env };
  const side = open({ environmentPrefix: "DESTINATION_" }, environment);
  await side.describeSnapshots({ ids: ["snap-00000000000000000"] });
  assert.deepEqual(lines, []);
  environment.AMICOPY_LOG = "debug";
  await side.callerIdentity();
  await side.describeSnapshots({ ids: ["snap-00000000000000000"] });
  const text = lines.join("");
  assert.match(text, /^amicopy: GetCallerIdentity us-gov-west-1 - \d+ ms ok$/m);
  assert.match(text, /^amicopy: DescribeSnapshots us-gov-west-1 snap-0+ \d+ ms not-found \S+$/m);
  assert.ok(!text.includes(String(cloud.env.DESTINATION_AWS_SECRET_ACCESS_KEY)));
  assert.ok(!text.includes(String(cloud.env.DESTINATION_AWS_ACCESS_KEY_ID)));
});
