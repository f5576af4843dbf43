/**
 * The whole life of copies against a localcloud, for the calls that it takes: copied in both
 * directions of listening, changed by others and put right, registered again, removed; failed and
 * taken up again; licensed, and made again; left behind and swept. What the test itself does by hand is not in the record.
 */

import assert from "node:assert/strict";
import { join } from "node:path";
import {
  CreateVolumeCommand,
  DescribeVolumesCommand,
  EC2Client,
  ImportKeyPairCommand,
} from "@aws-sdk/client-ec2";
import { fromIni } from "@aws-sdk/credential-providers";
import type { Ec2 } from "../../dynamic-providers/ec2/ec2.ts";
import { copyImage } from "../../dynamic-providers/workflow/copy-image.ts";
import type { CopyRequest, ImageWishes } from "../../dynamic-providers/workflow/copy-request.ts";
import { observeImage } from "../../dynamic-providers/workflow/observe-image.ts";
import { preflight } from "../../dynamic-providers/workflow/preflight.ts";
import { removeImage } from "../../dynamic-providers/workflow/remove-image.ts";
import { restoreImage } from "../../dynamic-providers/workflow/restore-image.ts";
import { systemClock } from "../../dynamic-providers/workflow/run-context.ts";
import { lookAtRegion, sweepPlannedRun } from "../../dynamic-providers/workflow/sweep-region.ts";
import { sweepRun } from "../../dynamic-providers/workflow/sweep-run.ts";
import { updateImage } from "../../dynamic-providers/workflow/update-image.ts";
import type { CallRecord } from "../../localcloud/call-log.ts";
import {
  type CloudBench,
  openCloudBench,
  QUICK,
  runId,
} from "../dynamic-providers/workflow/cloud-bench.ts";
import { licensedBench, WINDOWS } from "../dynamic-providers/workflow/licensed-bench.ts";
import { until } from "../localcloud/conformance-cloud.ts";
import { makePrivateNetwork } from "../localcloud/private-network.ts";

export interface LifeCalls {
  readonly source: readonly CallRecord[];
  readonly destination: readonly CallRecord[];
  /** The source's, of a life in which the source itself had to be started as well. */
  readonly "source-boot": readonly CallRecord[];
}

/** Takes some seconds. Nothing of it is left. */
export async function recordLife(): Promise<LifeCalls> {
  await using bench = await openCloudBench();
  const calls: CallRecord[] = [];
  const record: Recorder = async (work) => {
    const from = bench.cloud.calls.length;
    const answer = await work();
    calls.push(...bench.cloud.calls.slice(from));
    return answer;
  };
  await wholeLife(bench, record);
  await failedAndTakenUpAgain(bench, record);
  await licensedLife(bench, record);
  await leftBehind(bench, record);
  const usualCount = calls.length;
  await bootedAndSwept(bench, record);
  assert.deepEqual(await bench.leftovers(), []);
  const { source, destination } = bench.clouds();
  const [sourceId, destinationId] = await Promise.all([
    source.callerIdentity(),
    destination.callerIdentity(),
  ]);
  const of = (accountId: string, some = calls) =>
    some.filter((call) => call.accountId === accountId);
  const usual = calls.slice(0, usualCount);
  return {
    source: of(sourceId.accountId, usual),
    destination: of(destinationId.accountId),
    "source-boot": of(sourceId.accountId),
  };
}

type Recorder = <Answer>(work: () => Promise<Answer>) => Promise<Answer>;

const PACE = { clock: systemClock, limits: QUICK };

async function wholeLife(bench: CloudBench, record: Recorder): Promise<void> {
  const { source, destination: cloud } = bench.clouds();
  await source.setImageDeprecation(bench.imageId, new Date(Date.now() + 86_400_000).toISOString());
  const shared = { add: [{ userId: "100000000002" }], remove: [] };
  await source.changeLaunchPermissions(bench.imageId, shared);
  const copyLaunchPermissions = { accountIds: { "100000000002": "200000000002" } };
  const request = { ...bench.request, tags: { team: "a", stage: "x" }, copyLaunchPermissions };
  const context = await bench.context("good");
  const identity = await record(() => bench.identity(runId(1)));
  let facts = (await record(() => copyImage(request, identity, context))).image;
  const { imageId } = facts;
  const wishes: ImageWishes = {
    description: "",
    tags: { team: "a" },
    launchPermissions: [],
    snapshotPermissions: { [facts.rootSnapshotId]: [{ userId: "200000000002" }] },
    deregistrationProtection: "enabled",
    instanceTypes: { supported: ["c7g.*"], unsupported: [] },
    disabled: false,
  };

  await cloud.setImageDescription(imageId, "changed");
  await cloud.setTags([imageId], { team: "z" });
  await cloud.changeLaunchPermissions(imageId, { add: [{ userId: "200000000002" }], remove: [] });
  await cloud.setImageDeprecation(imageId, new Date(Date.now() + 86_400_000).toISOString());
  await record(() => observeImage(facts, cloud, wishes));
  facts = await record(() => updateImage(facts, wishes, cloud));
  facts = await record(() => updateImage(facts, { ...wishes, disabled: true }, cloud));
  facts = await record(() => updateImage(facts, wishes, cloud));
  await cloud.setDeregistrationProtection(imageId, undefined);
  await cloud.deregisterImage(imageId);
  ({ image: facts } = await record(() => restoreImage(facts, request, identity, context)));
  facts = await record(() => updateImage(facts, wishes, cloud));
  await record(() => removeImage(facts, cloud, PACE));
  await record(() => sweepBoth(bench, runId(1)));
}

async function prepare(ec2: EC2Client, zone: string) {
  const PublicKeyMaterial = Buffer.from(`ssh-ed25519 ${"A".repeat(68)}`);
  await ec2.send(new ImportKeyPairCommand({ KeyName: "debug", PublicKeyMaterial }));
  return makePrivateNetwork(ec2, zone);
}

/** With the other side listening, for the other rules of the security groups. */
async function failedAndTakenUpAgain(bench: CloudBench, record: Recorder): Promise<void> {
  const [here, there] = await Promise.all([
    withClient(bench, "us-east-1", "aws-1", (ec2) => prepare(ec2, "us-east-1b")),
    withClient(bench, "us-gov-west-1", "aws-us-gov-1", (ec2) => prepare(ec2, "us-gov-west-1b")),
  ]);
  const io1 = { volumeType: "io1", iops: 100, volumeSizeGib: 4 };
  const typed = { ...bench.request, blockDevices: { "/dev/sdb": io1 } };
  await record(() => preflight(typed, bench.clouds()));
  const debug = { keyName: "debug", sshFrom: "192.0.2.7", keepMinutes: 60 };
  const behind = (subnetId: string) => ({ subnetId, debug });
  const request: CopyRequest = {
    ...bench.request,
    helper: { source: { debug }, destination: behind(there.privateSubnetId) },
  };
  const other = { source: behind(here.privateSubnetId), destination: {} };
  const tried = { triesRights: true };
  await record(() => preflight({ ...request, helper: other }, bench.clouds(), undefined, tried));
  await record(() => bench.clouds().destination.blocksPublicImages());
  for (const cloud of Object.values(bench.clouds())) await record(() => cloud.allowedImages());
  for (const cloud of Object.values(bench.clouds())) {
    await record(() => cloud.serviceQuota("ec2", "L-1216C47A"));
    await record(() => neverApplied(bench, () => cloud.serviceQuota("ec2", "L-1216C47A")));
  }
  const identity = await bench.identity(runId(2));
  const failing = await bench.context("fails");
  await record(() => assert.rejects(copyImage(request, identity, failing)));
  const good = await bench.context("good");
  const { image } = await record(() => copyImage(request, identity, good));
  await record(() => removeImage(image, bench.clouds().destination, PACE));
}

/** As of a quota that has its default only. */
async function neverApplied<Answer>({ cloud }: CloudBench, ask: () => Promise<Answer>) {
  const code = "NoSuchResourceException";
  await cloud.setFaults({ faults: [{ fault: "error", action: "GetServiceQuota", code }] });
  const answer = await ask();
  await cloud.setFaults({ faults: [] });
  return answer;
}

/** Of a system that AWS bills; its source asks for what the licence donor does not. */
async function licensedLife(bench: CloudBench, record: Recorder): Promise<void> {
  const request = await licensedBench(bench).importSource("windows", {
    ...WINDOWS,
    imdsSupport: "v2.0",
  });
  const { source, destination: cloud } = bench.clouds();
  const context = await bench.context("good");
  const identity = await bench.identity(runId(4));
  let facts = (await record(() => copyImage(request, identity, context))).image;
  await cloud.deregisterImage(facts.imageId);
  ({ image: facts } = await record(() => restoreImage(facts, request, identity, context)));
  await record(() => removeImage(facts, cloud, PACE));
  await record(() => sweepBoth(bench, runId(4)));
  const [image] = await source.describeImages({ imageIds: [request.sourceAmiId] });
  await source.deregisterImage(request.sourceAmiId);
  for (const device of image?.blockDevices ?? []) {
    if (device.kind === "snapshot") await source.deleteSnapshot(device.snapshotId);
  }
}

async function sweepBoth(bench: CloudBench, run: string): Promise<void> {
  const identity = await bench.identity(run);
  const waiting = { ...PACE, signal: AbortSignal.timeout(60_000) };
  const { source, destination } = bench.clouds();
  await sweepRun(identity, source, "source", waiting);
  await sweepRun(identity, destination, "destination", waiting);
}

async function leftBehind(bench: CloudBench, record: Recorder): Promise<void> {
  const { source, destination } = bench.clouds();
  await leave(bench, source, "aws-1", false);
  await leave(bench, destination, "aws-us-gov-1", true);
  await record(() => sweepBoth(bench, runId(3)));
  await leave(bench, source, "aws-1", false);
  await leave(bench, destination, "aws-us-gov-1", true);
  const request = { olderThanMs: 0, force: false, report: () => undefined };
  const waiting = { ...PACE, signal: AbortSignal.timeout(60_000) };
  for (const cloud of [source, destination]) {
    await record(async () => {
      await cloud.callerIdentity();
      const { runs } = await lookAtRegion(cloud, waiting, request);
      for (const run of runs) await sweepPlannedRun(cloud, waiting, run, request);
    });
  }
}

/** A source that may be launched but not read; once to the end, once cut off at the snapshots. */
async function bootedAndSwept(bench: CloudBench, record: Recorder): Promise<void> {
  const disk = { deviceName: "/dev/xvda", path: join(bench.directory, "disk-0.raw") };
  const { imageId, snapshotIds } = await bench.cloud.importImage({
    region: "us-east-1",
    account: "aws-2",
    name: "published",
    disks: [disk],
    describe: { launchPermission: { everyone: true } },
  });
  bench.spare(imageId, ...snapshotIds);
  const request = { ...bench.request, sourceAmiId: imageId, allowBootOfSource: true };
  const identity = await bench.identity(runId(4));
  const stop = new AbortController();
  const stopped = await bench.context("good", {
    signal: stop.signal,
    report: (_row, text) => /^snapshots of the source/.test(text) && stop.abort(),
  });
  await record(() => assert.rejects(copyImage(request, identity, stopped)));
  const { image } = await record(async () =>
    copyImage(request, identity, await bench.context("good")),
  );
  await record(() => removeImage(image, bench.clouds().destination, PACE));
}

/** One of each kind that a killed run may leave, as its process had made them. */
async function leave(
  bench: CloudBench,
  cloud: Ec2,
  profile: string,
  withProducts: boolean,
): Promise<void> {
  const [subnet] = await cloud.describeSubnets({ defaults: true });
  assert.ok(subnet);
  const tags = (role: string) => ({
    "amicopy:run": runId(3),
    "amicopy:role": role,
    "amicopy:attempt": "1",
    "amicopy:expires": "2026-01-01T00:00:00.000Z",
  });
  await cloud.createSecurityGroup({
    name: `amicopy-${runId(3)}-1`,
    description: "left",
    vpcId: subnet.vpcId,
    tags: tags("security-group"),
  });
  const volumeId = await leaveVolume(bench, cloud.region, profile, tags("destination-helper"));
  if (!withProducts) return;
  const description = "left";
  const snapshotId = await cloud.createSnapshot({ volumeId, description, tags: tags("snapshot") });
  await until(async () => {
    const [snapshot] = await cloud.describeSnapshots({ ids: [snapshotId] });
    return snapshot?.state === "completed";
  });
  await cloud.registerImage({
    name: "left",
    description,
    architecture: "arm64",
    virtualizationType: "hvm",
    rootDeviceName: "/dev/xvda",
    enaSupport: true,
    blockDevices: [
      { kind: "snapshot", deviceName: "/dev/xvda", snapshotId, deleteOnTermination: true },
    ],
    tags: tags("image"),
  });
}

async function withClient<Answer>(
  { cloud: { env, endpoint } }: CloudBench,
  region: string,
  profile: string,
  work: (ec2: EC2Client) => Promise<Answer>,
): Promise<Answer> {
  const credentials = fromIni({
    profile,
    ignoreCache: true,
    filepath: env.AWS_SHARED_CREDENTIALS_FILE ?? "",
    configFilepath: env.AWS_CONFIG_FILE ?? "",
  });
  const ec2 = new EC2Client({ region, endpoint, credentials });
  try {
    return await work(ec2);
  } finally {
    ec2.destroy();
  }
}

async function leaveVolume(
  bench: CloudBench,
  region: string,
  profile: string,
  tags: Readonly<Record<string, string>>,
): Promise<string> {
  return withClient(bench, region, profile, async (ec2) => {
    const Tags = Object.entries(tags).map(([Key, Value]) => ({ Key, Value }));
    const { VolumeId: id = "" } = await ec2.send(
      new CreateVolumeCommand({
        AvailabilityZone: `${region}a`,
        Size: 1,
        TagSpecifications: [{ ResourceType: "volume", Tags }],
      }),
    );
    await until(async () => {
      const answer = await ec2.send(new DescribeVolumesCommand({ VolumeIds: [id] }));
      return answer.Volumes?.[0]?.State === "available";
    });
    return id;
  });
}
