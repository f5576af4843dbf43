/** `amicopy sweep` against a localcloud in which runs have left things of every kind. */

import assert from "node:assert/strict";
import { execFile, spawn } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { beforeEach, test } from "node:test";
import { promisify } from "node:util";
import { gzipSync } from "node:zlib";
import { sweep } from "../../cli/sweep.ts";
import { readSweepCommand } from "../../cli/sweep-command.ts";
import type { Ec2 } from "../../dynamic-providers/ec2/ec2.ts";
import { openEc2 } from "../../dynamic-providers/ec2/open-ec2.ts";
import type { Tags } from "../../dynamic-providers/ec2/tags.ts";
import { defaultLimits } from "../../dynamic-providers/workflow/limits.ts";
import { systemClock } from "../../dynamic-providers/workflow/run-context.ts";
import { lookAtRegion, sweepPlannedRun } from "../../dynamic-providers/workflow/sweep-region.ts";
import { newestHelperImage, openConformanceCloud, until } from "../localcloud/conformance-cloud.ts";

const PROGRAM = join(import.meta.dirname, "../../cli/amicopy.ts");
const REGION = "us-east-1";
const HOUR_MS = 3_600_000;

const { localcloud, ec2: client } = await openConformanceCloud();
const environment = { ...localcloud.env, PATH: process.env.PATH };
const cloud = openEc2({ region: REGION, profile: "aws-1" }, environment);
const helperImage = await newestHelperImage(client());

let runCount = 0;
let runId = "";
beforeEach(() => {
  runCount += 1;
  runId = runCount.toString(16).padStart(16, "0");
});

const inHours = (hours: number) => new Date(Date.now() + hours * HOUR_MS).toISOString();

interface Outcome {
  readonly code: number;
  readonly out: string;
  readonly err: string;
}

async function swept(...options: string[]): Promise<Outcome> {
  const command = readSweepCommand(["--region", REGION, "--profile", "aws-1", ...options]);
  assert.ok(command !== "help");
  let out = "";
  let err = "";
  const code = await sweep(command, {
    environment,
    out: (text) => (out += text),
    err: (text) => (err += text),
    signal: AbortSignal.timeout(20_000),
    limits: { ...defaultLimits, pollFirstMs: 5, leaseRenewMs: 120, orphanNoticeMs: 20 },
  });
  return { code, out, err };
}

/** Everything with a run's tag that is still there. */
async function present(of: string, where: Ec2 = cloud): Promise<string[]> {
  const tags = { "amicopy:run": of };
  const [instances, volumes, images, snapshots, groups] = await Promise.all([
    where.describeInstances({ tags }),
    where.describeVolumes({ tags }),
    where.describeImages({ owner: "self", tags }),
    where.describeSnapshots({ tags }),
    where.describeSecurityGroups({ tags }),
  ]);
  return [
    ...instances.filter(({ state }) => state !== "terminated").map((one) => one.instanceId),
    ...volumes.map(({ volumeId }) => volumeId),
    ...images.map(({ imageId }) => imageId),
    ...snapshots.map(({ snapshotId }) => snapshotId),
    ...groups.map(({ groupId }) => groupId),
  ];
}

function tagsOf(of: string, role: string, expires: string): Tags {
  return {
    "amicopy:run": of,
    "amicopy:role": role,
    "amicopy:expires": expires,
    "amicopy:attempt": "1",
  };
}

/** A group, an instance with a disk of its own, and a snapshot of that disk. */
async function leaveMachine(of: string, expires: string): Promise<Record<string, string>> {
  const [subnet] = await cloud.describeSubnets({ defaults: true });
  assert.ok(subnet);
  const groupId = await cloud.createSecurityGroup({
    name: `amicopy-${of}-1`,
    description: "left",
    vpcId: subnet.vpcId,
    tags: tagsOf(of, "security-group", expires),
  });
  const { instanceId } = await cloud.runInstance({
    clientToken: of,
    imageId: helperImage,
    instanceType: "c7g.large",
    subnetId: subnet.subnetId,
    securityGroupId: groupId,
    userData: gzipSync("#!/bin/sh\n"),
    volumes: [{ deviceName: "/dev/sdf", sizeGib: 1, volumeType: "gp3" }],
    tags: { ...tagsOf(of, "source-helper", expires), "amicopy:lease": "7" },
  });
  const disk = await until(async () => {
    const [instance] = await cloud.describeInstances({ ids: [instanceId] });
    return (
      instance?.state === "running" &&
      instance.volumes.find(({ deviceName }) => deviceName === "/dev/sdf")
    );
  });
  const snapshotId = await snapshot(of, disk.volumeId, expires);
  return { instanceId, volumeId: disk.volumeId, groupId, snapshotId };
}

async function snapshot(of: string, volumeId: string, expires: string): Promise<string> {
  const tags = tagsOf(of, "snapshot", expires);
  const snapshotId = await cloud.createSnapshot({ volumeId, description: "left", tags });
  await until(async () => {
    const [seen] = await cloud.describeSnapshots({ ids: [snapshotId] });
    return seen?.state === "completed";
  });
  return snapshotId;
}

async function leaveImage(of: string, snapshotId: string, expires: string): Promise<string> {
  return cloud.registerImage({
    name: `left by ${of}`,
    description: "",
    architecture: "arm64",
    virtualizationType: "hvm",
    rootDeviceName: "/dev/xvda",
    enaSupport: true,
    blockDevices: [
      { kind: "snapshot", deviceName: "/dev/xvda", snapshotId, deleteOnTermination: true },
    ],
    tags: tagsOf(of, "image", expires),
  });
}

test("says what and why, then ends everything of a run whose lease has ended", async () => {
  const { instanceId, snapshotId } = await leaveMachine(runId, inHours(-3));
  const imageId = await leaveImage(runId, snapshotId ?? "", inHours(-3));
  const { code, out, err } = await swept("--run", runId);
  assert.equal(code, 0, err);
  assert.match(err, /^account \d{12} \(aws\), us-east-1\n/);
  assert.match(out, new RegExp(`^run ${runId}: to end; its lease ended 3 h ago \\(20`));
  assert.match(out, new RegExp(`end +instance +${instanceId} +running, source-helper, attempt 1`));
  assert.ok(out.indexOf(`  ${imageId} `) < out.indexOf(`ended image ${imageId}`));
  assert.match(out, /\n\d things ended, 0 kept\n$/);
  assert.deepEqual(await present(runId), []);
});

test("a dry run only looks, and says how much it would be", async () => {
  await leaveMachine(runId, inHours(-3));
  const before = await present(runId);
  const calls = localcloud.calls.length;
  const { code, out } = await swept("--run", runId, "--dry-run");
  assert.equal(code, 0);
  assert.match(out, /\n5 things would be ended, 0 kept\n$/);
  const made = localcloud.calls.slice(calls).map(({ action }) => action);
  assert.deepEqual(
    made.filter((action) => !/^(Describe|Get)/.test(action)),
    [],
  );
  assert.deepEqual(await present(runId), before);
  await swept("--run", runId);
});

test("a lease that runs is another's: kept, until forced", async () => {
  await leaveMachine(runId, inHours(1));
  const before = await present(runId);
  const { out } = await swept("--run", runId);
  assert.match(out, /: kept; its lease runs until .*Z\n/);
  assert.match(out, /nothing to end, 5 kept\n$/);
  assert.deepEqual(await present(runId), before);
  const forced = await swept("--run", runId, "--force");
  assert.match(forced.out, /; ended by force\n/);
  assert.deepEqual(await present(runId), []);
});

test("a helper whose lease is renewed is at work, even beyond its time", async () => {
  const { instanceId = "" } = await leaveMachine(runId, inHours(-3));
  let count = 7;
  const renewal = setInterval(() => {
    count += 1;
    void cloud.setTags([instanceId], { "amicopy:lease": String(count) });
  }, 20);
  try {
    const { out, err } = await swept("--run", runId);
    assert.match(err, new RegExp(`looking for .* whether ${instanceId} is in use`));
    assert.match(out, new RegExp(`kept; at work: the lease of ${instanceId} is being renewed`));
  } finally {
    clearInterval(renewal);
  }
  assert.equal((await present(runId)).length, 5);
  await swept("--run", runId);
  assert.deepEqual(await present(runId), [], "without renewals it was left behind");
});

test("several runs at once: the old ones end, living, claimed and foreign things stay", async () => {
  const living = "00000000000000f1";
  const old = "00000000000000f2";
  const owned = "00000000000000f3";
  await leaveMachine(living, inHours(2));
  await leaveMachine(old, inHours(-5));
  const { snapshotId = "", instanceId = "" } = await leaveMachine(owned, inHours(-5));
  await leaveMachine(runId, inHours(-1));
  const imageId = await leaveImage(owned, snapshotId, inHours(-5));
  await cloud.removeTags([imageId, snapshotId], ["amicopy:expires"]);
  await cloud.setTags([imageId], { "amicopy:claimed": inHours(-4) });
  const [{ volumes: [{ volumeId = "" } = {}] = [] } = {}] = await cloud.describeInstances({
    ids: [instanceId],
  });
  const foreign = await cloud.createSnapshot({
    volumeId,
    description: "with a tag of ours only",
    tags: { "amicopy:run": old },
  });
  const others = await until(async () => {
    const seen = await cloud.describeSnapshots({ ids: [foreign] });
    return seen[0]?.state === "completed" && seen;
  });
  const livingBefore = await present(living);

  const aged = await swept("--older-than", "2h");
  assert.equal(aged.code, 0, aged.err);
  assert.match(aged.out, /its lease ended 60 min ago \(.*\), which is less than 2 h\n/);
  assert.match(aged.out, new RegExp(`keep +image +${imageId} .*claimed: it belongs to a stack`));
  assert.match(aged.out, new RegExp(`keep +snapshot +${foreign} `));
  assert.deepEqual(await present(living), livingBefore);
  assert.deepEqual(await present(old), [foreign]);
  assert.deepEqual((await present(owned)).toSorted(), [imageId, snapshotId].toSorted());
  assert.equal((await present(runId)).length, 5);

  const all = await swept();
  assert.equal(all.code, 0, all.err);
  assert.deepEqual(await present(runId), []);
  assert.deepEqual(await present(living), livingBefore);

  const forced = await swept("--force");
  assert.equal(forced.code, 0, forced.err);
  assert.deepEqual(await present(living), []);
  assert.deepEqual((await present(owned)).toSorted(), [imageId, snapshotId].toSorted());
  assert.deepEqual(await cloud.describeSnapshots({ ids: [foreign] }), others);
  await cloud.deleteSnapshot(foreign);
});

test("another account's and another region's runs are not seen", async () => {
  await leaveMachine(runId, inHours(-3));
  for (const args of [
    ["--profile", "aws-2"],
    ["--region", "us-west-2"],
  ]) {
    const { out } = await swept(...args);
    assert.equal(out, "nothing to end, 0 kept\n");
  }
  assert.equal((await present(runId)).length, 5);
  await swept("--run", runId);
});

test("a snapshot that somebody's image uses stays, and the sweep goes on", async () => {
  const { snapshotId = "" } = await leaveMachine(runId, inHours(-3));
  const name = "somebody's";
  const devices = { kind: "snapshot", deviceName: "/dev/xvda", deleteOnTermination: true } as const;
  const imageId = await cloud.registerImage({
    name,
    description: "",
    architecture: "arm64",
    virtualizationType: "hvm",
    rootDeviceName: "/dev/xvda",
    enaSupport: true,
    blockDevices: [{ ...devices, snapshotId }],
    tags: { theirs: "yes" },
  });
  const { code } = await swept("--run", runId);
  assert.equal(code, 0);
  assert.deepEqual(await present(runId), [snapshotId]);
  await cloud.deregisterImage(imageId);
  await swept("--run", runId);
  assert.deepEqual(await present(runId), []);
});

test("a run that comes to life after it was shown is left alone", async () => {
  const { groupId = "" } = await leaveMachine(runId, inHours(-3));
  const request = { runId, olderThanMs: 0, force: false, report: () => undefined };
  const limits = { ...defaultLimits, leaseRenewMs: 5 };
  const waiting = { clock: systemClock, limits, signal: AbortSignal.timeout(20_000) };
  const { runs } = await lookAtRegion(cloud, waiting, request);
  const [planned] = runs;
  assert.ok(planned?.end);
  await cloud.setTags([groupId], { "amicopy:expires": inHours(1) });
  assert.equal(await sweepPlannedRun(cloud, waiting, planned, request), undefined);
  assert.equal((await present(runId)).length, 5);
  await swept("--run", runId, "--force");
});

test("stopped while it watches, it has touched nothing", async () => {
  await leaveMachine(runId, inHours(-3));
  const before = await present(runId);
  const args = ["sweep", "--region", REGION, "--profile", "aws-1", "--run", runId];
  const child = spawn(process.execPath, [PROGRAM, ...args], { env: environment, timeout: 60_000 });
  let err = "";
  child.stderr.on("data", (text) => {
    err += text;
    // Once: the second one would end it without a word.
    if (!child.killed && err.includes("looking for 75 s")) child.kill("SIGINT");
  });
  const [code] = await once(child, "close");
  assert.equal(code, 130, err);
  assert.match(err, /amicopy: stopped; /);
  assert.deepEqual(await present(runId), before);
  await swept("--run", runId);
});

test("the command: exit codes, usage, credentials of the environment", async () => {
  const keys = {
    AWS_ACCESS_KEY_ID: localcloud.env.SOURCE_AWS_ACCESS_KEY_ID,
    AWS_SECRET_ACCESS_KEY: localcloud.env.SOURCE_AWS_SECRET_ACCESS_KEY,
  };
  const command = async (args: string[], env = {}) => {
    const options = { env: { ...environment, ...env }, timeout: 60_000 };
    const run = promisify(execFile)(process.execPath, [PROGRAM, ...args], options);
    return run.then(
      ({ stdout, stderr }) => ({ code: 0, stdout, stderr }),
      (error) => ({ code: error.code, stdout: error.stdout, stderr: error.stderr }),
    );
  };
  const [help, none, other, wrong, denied, done] = await Promise.all([
    command(["sweep", "--help"]),
    command([]),
    command(["copy"]),
    command(["sweep"]),
    command(["sweep", "--region", REGION, "--profile", "nobody"]),
    command(["sweep", "--region", "us-west-2", "--dry-run"], keys),
  ]);
  assert.equal(help.code, 0);
  assert.match(help.stdout, /--older-than/);
  assert.equal(none.code, 2);
  assert.equal(other.code, 2);
  assert.match(other.stderr, /^amicopy: there is one command: sweep/);
  assert.equal(wrong.code, 2);
  assert.equal(wrong.stderr, "amicopy: --region is missing, e.g. --region us-east-1\n");
  assert.equal(denied.code, 1);
  assert.match(denied.stderr, /^amicopy: .*nobody/);
  assert.deepEqual([done.code, done.stdout], [0, "0 things would be ended, 0 kept\n"]);
});

test("a clock that is a day ahead ends no lease", async () => {
  const [subnet] = await cloud.describeSubnets({ defaults: true });
  const tags = tagsOf(runId, "security-group", inHours(1));
  const group = { name: `amicopy-${runId}-1`, description: "left", tags };
  await cloud.createSecurityGroup({ ...group, vpcId: subnet?.vpcId ?? "" });
  const wrong = `const now = Date.now; Date.now = () => now() + 26 * ${HOUR_MS};
    globalThis.Date = class extends Date { constructor(...given) { super(...(given.length > 0 ? given : [Date.now()])); } };`;
  const preload = `data:text/javascript,${encodeURIComponent(wrong)}`;
  const args = ["sweep", "--region", REGION, "--profile", "aws-1", "--dry-run", "--run", runId];
  const { stdout, stderr } = await promisify(execFile)(
    process.execPath,
    ["--import", preload, PROGRAM, ...args],
    { env: environment, timeout: 60_000 },
  );
  assert.match(stderr, /clock is (26 h|25 h 59 min) ahead of AWS's/);
  assert.match(stdout, /its lease runs until/);
  assert.match(stdout, /0 things would be ended/);
});
