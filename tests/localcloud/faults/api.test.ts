/** Calls that go wrong on request, as a plain SDK client sees them. */

import assert from "node:assert/strict";
import { beforeEach, test } from "node:test";
import {
  CreateSecurityGroupCommand,
  DescribeRegionsCommand,
  DescribeSecurityGroupsCommand,
  DescribeVpcsCommand,
  EC2Client,
  RunInstancesCommand,
} from "@aws-sdk/client-ec2";
import { GetCallerIdentityCommand } from "@aws-sdk/client-sts";
import type { FaultPlanInput } from "../../../localcloud/localcloud.ts";
import { launch, newestHelperImage, openConformanceCloud, refusal } from "../conformance-cloud.ts";

const cloud = await openConformanceCloud();
const { localcloud } = cloud;
const ec2 = cloud.ec2();
const gov = cloud.ec2("aws-us-gov-1", "us-gov-west-1");

const set = (...faults: FaultPlanInput["faults"]) => localcloud.setFaults({ faults });
beforeEach(() => set());

const describeVpcs = (client: EC2Client = ec2) => client.send(new DescribeVpcsCommand({}));

async function groupCount(name: string): Promise<number> {
  const Filters = [{ Name: "group-name", Values: [name] }];
  const answer = await ec2.send(new DescribeSecurityGroupsCommand({ Filters }));
  return answer.SecurityGroups?.length ?? 0;
}

const createGroup = (GroupName: string) =>
  ec2.send(new CreateSecurityGroupCommand({ GroupName, Description: "of a test" }));

test("the n-th call of an action in a region fails with the code, and only that one", async () => {
  await set({ fault: "error", action: "DescribeVpcs", region: "us-east-1", nth: 2, code: "Gone" });
  await describeVpcs(gov);
  await describeVpcs();
  await ec2.send(new DescribeSecurityGroupsCommand({}));
  assert.equal(await refusal(describeVpcs()), "Gone");
  await describeVpcs();
});

test("an error may hide that the call was done", async () => {
  await set({ fault: "error", action: "CreateSecurityGroup", code: "InternalError", done: true });
  assert.equal(await refusal(createGroup("done-a")), "InternalError");
  assert.equal(await groupCount("done-a"), 1);
  await set({ fault: "error", action: "CreateSecurityGroup", code: "InternalError" });
  assert.equal(await refusal(createGroup("done-b")), "InternalError");
  assert.equal(await groupCount("done-b"), 0);
});

test("a call that gets no answer may have been done or not", async () => {
  for (const done of [true, false]) {
    await set({ fault: "no-answer", action: "CreateSecurityGroup", done, times: 1 });
    await assert.rejects(createGroup(`silent-${done}`), { code: "ECONNRESET" });
    assert.equal(await groupCount(`silent-${done}`), done ? 1 : 0);
  }
});

test("a call can hang longer than a client waits", async () => {
  await set({ fault: "no-answer", afterMs: 60_000 });
  const { region, credentials } = ec2.config;
  const requestHandler = { requestTimeout: 200, throwOnRequestTimeout: true };
  const hasty = new EC2Client({
    region,
    credentials,
    requestHandler,
    endpoint: localcloud.endpoint,
    maxAttempts: 1,
  });
  assert.equal(await refusal(describeVpcs(hasty)), "TimeoutError");
  hasty.destroy();
});

test("a throttled account gets what its bucket holds, each action and region by itself", async () => {
  await set({ fault: "throttle", action: "Describe*", burst: 2, perSecond: 0 });
  await describeVpcs();
  await describeVpcs();
  assert.equal(await refusal(describeVpcs()), "RequestLimitExceeded");
  await ec2.send(new DescribeRegionsCommand({})).catch((error) => {
    assert.notEqual(error.name, "RequestLimitExceeded");
  });
  await describeVpcs(gov);
});

test("a client that repeats gets through a throttle in the end", async () => {
  await set({ fault: "throttle", burst: 1, perSecond: 50 });
  const { region, credentials } = ec2.config;
  const patient = new EC2Client({
    region,
    credentials,
    endpoint: localcloud.endpoint,
    maxAttempts: 10,
  });
  for (let call = 0; call < 3; call++) await describeVpcs(patient);
  patient.destroy();
});

test("credentials expire in the middle, in the words of each service", async () => {
  await set({ fault: "credentials-expired", side: "source", skip: 1 });
  await describeVpcs();
  assert.equal(await refusal(describeVpcs()), "RequestExpired");
  const sts = cloud.sts().send(new GetCallerIdentityCommand({}));
  assert.equal(await refusal(sts), "ExpiredToken");
  await describeVpcs(gov);
});

test("credentials are renewed after a time", async () => {
  await set({ fault: "credentials-expired", side: "source", forMs: 50 });
  assert.equal(await refusal(describeVpcs()), "RequestExpired");
  const limit = performance.now() + 15_000;
  while ((await describeVpcs().catch(() => undefined)) === undefined) {
    assert.ok(performance.now() < limit, "never renewed");
  }
});

test("a zone or a type has no room, another has", async () => {
  await set({ fault: "capacity", zone: "us-east-1a", instanceType: "c7g.large" });
  const inZone = (AvailabilityZone: string) => launch(ec2, { Placement: { AvailabilityZone } });
  assert.equal(await refusal(inZone("us-east-1a")), "InsufficientInstanceCapacity");
  await inZone("us-east-1b");
  await set({ fault: "capacity", code: "VcpuLimitExceeded", times: 1 });
  assert.equal(await refusal(inZone("us-east-1b")), "VcpuLimitExceeded");
  // EC2 does not look for room when nothing is meant.
  await set({ fault: "capacity" });
  const ImageId = await newestHelperImage(ec2);
  const dry = {
    DryRun: true,
    ImageId,
    InstanceType: "c7g.large",
    MinCount: 1,
    MaxCount: 1,
  } as const;
  assert.equal(await refusal(ec2.send(new RunInstancesCommand(dry))), "DryRunOperation");
});

test("what has happened is told, with the rule, the call and the answer", async () => {
  const before = localcloud.firedFaults.length;
  await set(
    { fault: "error", action: "Never", code: "Gone" },
    { fault: "no-answer", action: "CreateSecurityGroup", done: true },
  );
  await assert.rejects(createGroup("told"));
  const [fired, ...more] = localcloud.firedFaults.slice(before);
  assert.deepEqual(more, []);
  assert.deepEqual(
    { ...fired, at: 0 },
    {
      at: 0,
      rule: 1,
      fault: "no-answer",
      to: "CreateSecurityGroup aws-1 us-east-1",
      what: "no answer, but done",
    },
  );
  const record = localcloud.calls.at(-1);
  assert.equal(record?.outcome, "no-answer");
  assert.match(record?.ids.join() ?? "", /^sg-/, "what it has made is in the log of calls");
});

test("a plan that is not valid changes nothing", async () => {
  await set({ fault: "error", action: "DescribeVpcs", code: "Gone" });
  const plan = { faults: [{ fault: "errors" }] } as unknown as FaultPlanInput;
  await assert.rejects(localcloud.setFaults(plan), /faults\[0\]\.fault must name a kind/);
  assert.equal(await refusal(describeVpcs()), "Gone");
});

test("a code that is the name of a method of every object is answered like any other", async () => {
  await set({ fault: "error", action: "DescribeVpcs", code: "toString" });
  assert.equal(await refusal(describeVpcs()), "toString");
  await set();
  await describeVpcs();
});
