/** Service Quotas: its protocol, its answers, and that EC2 refuses by the numbers that it tells. */

import assert from "node:assert/strict";
import { test } from "node:test";
import {
  CreateSnapshotCommand,
  CreateVolumeCommand,
  DescribeInstancesCommand,
  RunInstancesCommand,
} from "@aws-sdk/client-ec2";
import {
  GetAWSDefaultServiceQuotaCommand,
  GetServiceQuotaCommand,
  ListServiceQuotasCommand,
  ServiceQuotasClient,
} from "@aws-sdk/client-service-quotas";
import { availableVolume, launch, openConformanceCloud, refusal } from "./conformance-cloud.ts";

const cloud = await openConformanceCloud();

const VCPUS = { ServiceCode: "ec2", QuotaCode: "L-1216C47A" };
const GP3 = { ServiceCode: "ebs", QuotaCode: "L-7A658B76" };
const SNAPSHOTS = { ServiceCode: "ebs", QuotaCode: "L-309BACF6" };

function inRegion(region: string) {
  const quotas = cloud.serviceQuotas("aws-1", region);
  return {
    ec2: cloud.ec2("aws-1", region),
    quotas,
    configure: (settings: object) =>
      cloud.localcloud.configure({ region, account: "aws-1", settings }),
    amountOf: async (quota: typeof VCPUS) =>
      (await quotas.send(new GetServiceQuotaCommand(quota))).Quota?.Value,
  };
}

// [SQ GetServiceQuota, GetAWSDefaultServiceQuota]: the value applied to the account, and AWS's own;
// [UG ec2-resource-limits]: 5 vCPUs, [EBSUG ebs-resource-quotas]: 50 TiB of gp3
test("a quota has an applied value, an own one in each region, and a default", async () => {
  const here = inRegion("us-east-2");
  const { Quota: quota } = await here.quotas.send(new GetServiceQuotaCommand(VCPUS));
  assert.equal(
    quota?.QuotaName,
    "Running On-Demand Standard (A, C, D, H, I, M, R, T, Z) instances",
  );
  assert.equal(quota?.QuotaArn, "arn:aws:servicequotas:us-east-2:100000000001:ec2/L-1216C47A");
  assert.deepEqual(
    [quota?.ServiceCode, quota?.QuotaCode, quota?.Adjustable, quota?.GlobalQuota, quota?.Unit],
    ["ec2", "L-1216C47A", true, false, "None"],
  );
  await here.configure({ quotas: { vcpus: 7, volumeGib: 2048 } });
  assert.equal(await here.amountOf(VCPUS), 7);
  assert.equal(await here.amountOf(GP3), 2);
  assert.notEqual(await inRegion("us-west-1").amountOf(VCPUS), 7);
  const usual = async (of: typeof VCPUS) =>
    (await here.quotas.send(new GetAWSDefaultServiceQuotaCommand(of))).Quota?.Value;
  assert.deepEqual([await usual(VCPUS), await usual(GP3)], [5, 50]);
});

// [SQ GetServiceQuota]: NoSuchResourceException; the words of hashicorp/terraform-provider-aws#10929
test("an unknown service or quota does not exist", async () => {
  const { quotas } = inRegion("us-east-1");
  for (const [ServiceCode, QuotaCode, what] of [
    ["EC2", "L-1216C47A", "service"],
    ["ec2", "L-00000000", "quota"],
  ] as const) {
    for (const Command of [GetServiceQuotaCommand, GetAWSDefaultServiceQuotaCommand]) {
      await assert.rejects(quotas.send(new Command({ ServiceCode, QuotaCode })), {
        name: "NoSuchResourceException",
        message: `The request failed because the specified ${what} does not exist.`,
        $fault: "client",
      });
    }
  }
});

// [UG ec2-resource-limits]: vCPUs of running instances; [EBSUG ebs-resource-quotas]: storage of each type
test("what EC2 refuses by is what Service Quotas tells", async () => {
  const { ec2, configure, amountOf } = inRegion("us-west-2");
  await configure({ quotas: { vcpus: 4, volumeGib: 1024, snapshots: 0 } });
  const run = { InstanceType: "c7g.large" as const };
  const first = await launch(ec2, run);
  await launch(ec2, run);
  const { Reservations: reservations = [] } = await ec2.send(new DescribeInstancesCommand({}));
  const used = reservations
    .flatMap(({ Instances = [] }) => Instances)
    .reduce((sum, { CpuOptions: cpu }) => {
      return sum + (cpu?.CoreCount ?? 0) * (cpu?.ThreadsPerCore ?? 0);
    }, 0);
  assert.equal(used, await amountOf(VCPUS), "what runs shows the vCPUs that it takes");
  const more = { ...run, ImageId: first.ImageId, MinCount: 1, MaxCount: 1 };
  assert.equal(await refusal(ec2.send(new RunInstancesCommand(more))), "VcpuLimitExceeded");
  const zone = { AvailabilityZone: "us-west-2a" };
  const limitGib = 1024 * ((await amountOf(GP3)) ?? 0);
  const volume = (VolumeType: "gp3" | "gp2", Size: number) =>
    ec2.send(new CreateVolumeCommand({ ...zone, VolumeType, Size }));
  assert.equal(await refusal(volume("gp3", limitGib + 1)), "VolumeLimitExceeded");
  await availableVolume(ec2, { ...zone, VolumeType: "gp2", Size: 1000 });
  const rootGib = 2 * 8;
  await volume("gp3", limitGib - rootGib);
  assert.equal(await refusal(volume("gp3", 1)), "VolumeLimitExceeded", "gp2 has its own");
  assert.equal(await amountOf(SNAPSHOTS), 0);
  const VolumeId = await availableVolume(ec2, { ...zone, Size: 1 });
  const snapshot = ec2.send(new CreateSnapshotCommand({ VolumeId }));
  assert.equal(await refusal(snapshot), "SnapshotLimitExceeded");
});

// [SQ CommonErrors]: AccessDeniedException, UnrecognizedClientException, InvalidSignatureException;
// [SQ GetServiceQuota]: TooManyRequestsException
test("refusals come in the words of its protocol", async () => {
  const { configure, quotas } = inRegion("eu-west-1");
  const ask = (client = quotas) => client.send(new GetServiceQuotaCommand(VCPUS));
  await configure({ denied: ["servicequotas:Get*"] });
  await assert.rejects(ask(), {
    name: "AccessDeniedException",
    message: /arn:aws:iam::100000000001:user\/amicopy .*servicequotas:GetServiceQuota/,
  });
  await configure({ denied: [] });
  const signedBy = (accessKeyId: string, secretAccessKey: string) =>
    new ServiceQuotasClient({
      region: "eu-west-1",
      endpoint: cloud.localcloud.endpoint,
      maxAttempts: 1,
      credentials: { accessKeyId, secretAccessKey },
    });
  const { accessKeyId } = await quotas.config.credentials();
  assert.equal(await refusal(ask(signedBy("AKIANOBODY", "x"))), "UnrecognizedClientException");
  assert.equal(await refusal(ask(signedBy(accessKeyId, "x"))), "InvalidSignatureException");
  const action = "GetServiceQuota";
  const throttle = { fault: "throttle" as const, service: "servicequotas" as const, action };
  cloud.localcloud.setFaults({ faults: [{ ...throttle, burst: 0, perSecond: 0 }] });
  assert.equal(await refusal(ask()), "TooManyRequestsException");
  cloud.localcloud.setFaults({ faults: [] });
  assert.ok(await ask());
  const outcomes = cloud.localcloud.calls.filter(
    ({ service, region }) => service === "servicequotas" && region === "eu-west-1",
  );
  assert.deepEqual(
    outcomes.map((call) => [call.action, call.outcome]),
    [
      [action, "AccessDeniedException"],
      [action, "UnrecognizedClientException"],
      [action, "InvalidSignatureException"],
      [action, "TooManyRequestsException"],
      [action, "ok"],
    ],
  );
});

// [SQ CommonErrors]: an unknown action and an unknown or missing member are no success
test("what localcloud does not have of it, and what nobody has, is refused", async () => {
  const { quotas } = inRegion("us-east-1");
  await assert.rejects(quotas.send(new ListServiceQuotasCommand({ ServiceCode: "ec2" })), {
    name: "UnknownOperationException",
    message: "localcloud does not have the action ListServiceQuotas.",
  });
  const context = new GetServiceQuotaCommand({ ...VCPUS, ContextId: "c" });
  assert.equal(await refusal(quotas.send(context)), "UnsupportedOperation");
  const half = new GetServiceQuotaCommand({ ServiceCode: "ec2", QuotaCode: undefined });
  assert.equal(await refusal(quotas.send(half)), "ValidationException");
});
