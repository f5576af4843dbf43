/** Quotas before the start: asked of Service Quotas, held against what runs and what the copy takes. */

import assert from "node:assert/strict";
import { after, test } from "node:test";
import { planCopy } from "../../../dynamic-providers/plan-copy.ts";
import type { CopyRequest } from "../../../dynamic-providers/workflow/copy-request.ts";
import { describeSource } from "../../../dynamic-providers/workflow/describe-source.ts";
import { preflight } from "../../../dynamic-providers/workflow/preflight.ts";
import { quotaNeeds } from "../../../dynamic-providers/workflow/quota-needs.ts";
import { isStandard } from "../../../dynamic-providers/workflow/quotas.ts";
import { openCloudBench } from "./cloud-bench.ts";
import { licensedBench, WINDOWS } from "./licensed-bench.ts";

const bench = await openCloudBench();
after(() => bench[Symbol.asyncDispose]());

const { sourceAmiId, source, destination } = bench.request;
const HERE = { region: "us-east-1", account: "aws-1" };
const THERE = { region: "us-gov-west-1", account: "aws-us-gov-1" };

/** As an account is that has asked for much. */
const AMPLE = { vcpus: 1152, volumeGib: 300 * 1024, publicImages: 100 };

const plan = (more: object = {}, environment = bench.cloud.env) =>
  planCopy({ sourceAmiId, source, destination, ...more }, environment);

async function problemsOf(more: object = {}): Promise<string[]> {
  const { problems } = await plan(more);
  return problems.map(({ property, message, hint }) => `${property}: ${message} ${hint}`);
}

function asked(from: number): string[] {
  return bench.cloud.calls
    .slice(from)
    .filter(({ service }) => service === "servicequotas")
    .map(({ action, region }) => `${action} ${region}`);
}

test("what would be exceeded on either side is told together, with the numbers", async () => {
  await bench.cloud.configure({ ...HERE, settings: { quotas: { vcpus: 1, volumeGib: 1 } } });
  await bench.cloud.configure({ ...THERE, settings: { quotas: { volumeGib: 1 } } });
  assert.deepEqual(await problemsOf(), [
    'helper.source.instanceType: The quota "Running On-Demand Standard (A, C, D, H, I, M, R, T, Z) ' +
      'instances" (ec2, L-1216C47A) in us-east-1 is 1 vCPUs, 0 are in use, and the copy needs 2 more ' +
      "at least. Request an increase in Service Quotas for this account and region, end instances, " +
      "or let the helpers run on a smaller type.",
    'source: The quota "Storage for General Purpose SSD (gp3) volumes, in TiB" (ebs, L-7A658B76) in ' +
      "us-east-1 is 1 GiB, 0 are in use, and the copy needs 2 more at least. Request an increase in " +
      "Service Quotas for this account and region, delete volumes of that type.",
    'destination: The quota "Storage for General Purpose SSD (gp3) volumes, in TiB" (ebs, L-7A658B76) ' +
      "in us-gov-west-1 is 1 GiB, 0 are in use, and the copy needs 2 more at least. Request an " +
      "increase in Service Quotas for this account and region, delete volumes of that type.",
  ]);
  await bench.cloud.configure({ ...HERE, settings: { quotas: AMPLE } });
  await bench.cloud.configure({ ...THERE, settings: { quotas: AMPLE } });
  assert.deepEqual(await problemsOf(), []);
});

test("what runs already counts, and a smaller helper may still fit", async () => {
  await bench.cloud.configure({ ...THERE, settings: { quotas: { vcpus: 6 } } });
  const there = bench.clouds().destination;
  const [subnet] = await there.describeSubnets({ defaults: true });
  const [image] = await there.describeImages({ owner: "amazon", name: "al2023-ami-2023.*-arm64" });
  const group = await there.createSecurityGroup({
    name: "others",
    description: "others",
    vpcId: subnet?.vpcId ?? "",
    tags: { Name: "others" },
  });
  const { instanceId } = await there.runInstance({
    clientToken: "others",
    imageId: image?.imageId ?? "",
    instanceType: "c7gn.xlarge",
    subnetId: subnet?.subnetId ?? "",
    securityGroupId: group,
    userData: new Uint8Array(),
    volumes: [{ deviceName: "/dev/sdf", sizeGib: 7, volumeType: "gp3" }],
    tags: { Name: "others" },
  });
  const [running] = await there.runningInstances();
  assert.deepEqual(running, { instanceType: "c7gn.xlarge", vcpus: 4, isOnDemand: true });
  assert.ok((await there.storageInUseGib("gp3")) >= 7);
  assert.equal(await there.storageInUseGib("io2"), 0);
  assert.deepEqual(await problemsOf(), [], "2 of 6 are free, as many as a .large takes");
  const helper = { destination: { instanceType: "c7gn.xlarge" } };
  const [line, ...others] = await problemsOf({ helper });
  assert.match(
    line ?? "",
    /^helper\.destination\.instanceType: .* 6 vCPUs, 4 are in use, .* 4 more/,
  );
  assert.deepEqual(others, []);
  await there.terminateInstance(instanceId);
  await bench.cloud.configure({ ...THERE, settings: { quotas: AMPLE } });
});

test("who may not ask is told once for each side, and not stopped", async () => {
  await bench.cloud.configure({ ...HERE, settings: { denied: ["servicequotas:*"] } });
  const { problems, notChecked } = await plan();
  assert.deepEqual(problems, []);
  assert.deepEqual(
    notChecked.filter((line) => line.includes("could not be asked")),
    [
      "quotas in us-east-1 could not be asked: GetServiceQuota says AccessDeniedException; allow " +
        "servicequotas:GetServiceQuota, as in docs/iam",
    ],
  );
  await bench.cloud.configure({ ...HERE, settings: { denied: [] } });
});

test("a partition without Service Quotas, and one that throttles, are no problem", async () => {
  const nobody = { ...bench.cloud.env, AWS_ENDPOINT_URL_SERVICE_QUOTAS: "http://127.0.0.1:9" };
  const { problems, notChecked } = await plan({}, nobody);
  assert.deepEqual(problems, []);
  const unasked = notChecked.filter((line) => /could not be asked: .*ECONNREFUSED/.test(line));
  assert.equal(unasked.length, 2, notChecked.join("\n"));
  const service = "servicequotas" as const;
  const throttle = { fault: "throttle" as const, service, burst: 0, perSecond: 0 };
  await bench.cloud.setFaults({ faults: [{ ...throttle, side: "destination" }] });
  const throttled = await plan();
  await bench.cloud.setFaults({ faults: [] });
  assert.deepEqual(throttled.problems, []);
  assert.match(
    throttled.notChecked.at(-1) ?? "",
    /^quotas in us-gov-west-1 .*: GetServiceQuota says TooManyRequestsException$/,
  );
});

test("a quota that nobody has applied has AWS's default", async () => {
  const code = "NoSuchResourceException";
  const rule = { fault: "error" as const, code, action: "GetServiceQuota" };
  await bench.cloud.setFaults({ faults: [{ ...rule, side: "source" }] });
  const from = bench.cloud.calls.length;
  const value = await bench.clouds().source.serviceQuota("ec2", "L-1216C47A");
  assert.equal(value, 5);
  assert.deepEqual(asked(from), [
    "GetServiceQuota us-east-1",
    "GetAWSDefaultServiceQuota us-east-1",
  ]);
  await bench.cloud.setFaults({ faults: [] });
  assert.equal(await bench.clouds().source.serviceQuota("ec2", "L-99999999"), undefined);
});

test("four questions, and none when a run is continued", async () => {
  const from = bench.cloud.calls.length;
  const { problems, identity } = await preflight(bench.request, bench.clouds());
  assert.deepEqual(problems, []);
  assert.ok(identity);
  assert.deepEqual(asked(from).toSorted(), [
    "GetServiceQuota us-east-1",
    "GetServiceQuota us-east-1",
    "GetServiceQuota us-gov-west-1",
    "GetServiceQuota us-gov-west-1",
  ]);
  const later = bench.cloud.calls.length;
  await preflight(bench.request, bench.clouds(), { runId: "0".repeat(16), ...identity });
  assert.deepEqual(asked(later), []);
});

test("a copy that is to be public needs room for one more public image", async () => {
  const everybody = { add: [{ group: "all" }], remove: [] };
  await bench.clouds().source.changeLaunchPermissions(bench.imageId, everybody);
  await bench.cloud.configure({ ...THERE, settings: { quotas: { publicImages: 0 } } });
  assert.deepEqual(await problemsOf(), [], "nobody has asked for it");
  const [line] = await problemsOf({ copyLaunchPermissions: { accountIds: {} } });
  assert.match(
    line ?? "",
    /^copyLaunchPermissions: .*"Public AMIs" \(ec2, L-0E3CBAB9\) .* 0 public/,
  );
  const nobody = { add: [], remove: [{ group: "all" }] };
  await bench.clouds().source.changeLaunchPermissions(bench.imageId, nobody);
  await bench.cloud.configure({ ...THERE, settings: { quotas: AMPLE } });
});

test("a licence donor's volumes and those of the copy's types count", async () => {
  const request = await licensedBench(bench).importSource("windows", WINDOWS);
  const [device] = (
    await bench.clouds().source.describeImages({ imageIds: [request.sourceAmiId] })
  ).flatMap(({ blockDevices }) => blockDevices);
  const blockDevices = {
    [device?.deviceName ?? ""]: { volumeType: "io2", iops: 100, volumeSizeGib: 9 },
  };
  await bench.cloud.configure({ ...THERE, settings: { quotas: { volumeGib: 8 } } });
  const { sourceAmiId: licensed } = request;
  const lines = await problemsOf({ sourceAmiId: licensed, blockDevices });
  assert.ok(
    lines.some((line) => /\(io2\) volumes, in TiB" \(ebs, L-09BD8365\) .* 9 more/.test(line)),
    lines.join("\n"),
  );
  await bench.cloud.configure({ ...THERE, settings: { quotas: AMPLE } });
});

test("within one account and region both helpers are there at once", async () => {
  const { source: cloud } = bench.clouds();
  const side = { region: "us-east-1", accountId: "100000000001", partition: "aws" };
  const found = await describeSource(cloud, sourceAmiId, side.accountId);
  assert.ok(found);
  const request: CopyRequest = bench.request;
  const choices = { source: [], destination: [] };
  const apart = { ...side, region: "us-west-2" };
  const needs = (destination: typeof side) =>
    quotaNeeds({ request, source: found, route: { source: side, destination }, choices });
  assert.deepEqual(
    needs(apart).map(({ side, phases }) => [side, phases.map(({ storageGib }) => storageGib.gp3)]),
    [
      ["source", [2]],
      ["destination", [2]],
    ],
  );
  assert.deepEqual(
    needs(side).map(({ side, phases }) => [side, phases.map(({ storageGib }) => storageGib.gp3)]),
    [["destination", [4]]],
  );
});

// [EC2 user guide, ec2-resource-limits]: which families share the quota of the standard ones
test("only standard types are counted as such", () => {
  const standard = [
    "t3.micro",
    "c8gn.large",
    "m7i.large",
    "im4gn.large",
    "is4gen.large",
    "i4i.large",
  ];
  assert.deepEqual(standard.filter(isStandard), standard);
  const others = [
    "g5.xlarge",
    "p4d.24xlarge",
    "inf2.xlarge",
    "hpc7g.4xlarge",
    "mac2.metal",
    "trn1.2xlarge",
  ];
  assert.deepEqual(others.filter(isStandard), []);
});
