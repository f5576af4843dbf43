/** Images that may be launched but not read, against a localcloud: started once, copied, all gone. */

import assert from "node:assert/strict";
import { after, test } from "node:test";
import {
  DescribeInstancesCommand,
  DescribeSecurityGroupsCommand,
  EC2Client,
} from "@aws-sdk/client-ec2";
import { fromIni } from "@aws-sdk/credential-providers";
import type { BootRequest } from "../../../dynamic-providers/ec2/instance.ts";
import { preflight } from "../../../dynamic-providers/workflow/preflight.ts";
import type { RunContext } from "../../../dynamic-providers/workflow/run-context.ts";
import { cloudError, kindsOf, openBootBench } from "./boot-bench.ts";
import { exchange, runId } from "./cloud-bench.ts";

const boot = await openBootBench();
after(() => boot[Symbol.asyncDispose]());

const { bench, copyOf, request, unreadable, withSource } = boot;

test("it is refused unless its start is allowed, and the way is told", async () => {
  const { allowBootOfSource: _allowed, ...not } = request;
  const { problems } = await preflight(not, bench.clouds());
  assert.deepEqual(
    problems.map(({ property }) => property),
    ["sourceAmiId"],
  );
  assert.match(problems[0]?.message ?? "", /may not read snap-\S+ \(\/dev\/xvda\), snap-\S+ \(/);
  assert.match(problems[0]?.hint ?? "", /set allowBootOfSource to true: .* without a network/);
});

test("it is started once, alone, stopped as soon as it runs, copied, and nothing else is left", async () => {
  const rows: string[] = [];
  let booted: BootRequest | undefined;
  const watching = withSource((real) => ({
    async bootImage(asked) {
      booted = asked;
      return real.bootImage(asked);
    },
    async stopInstance(instanceId) {
      await assertAlone(instanceId);
      await real.stopInstance(instanceId);
    },
  }));
  const report: RunContext["report"] = (row, text) => rows.push(`${row}: ${text}`);
  const from = bench.cloud.calls.length;
  const result = await copyOf(1, { ...watching, report });
  await boot.assertEqual(result);
  assert.deepEqual(booted?.deviceNames, ["/dev/xvda", "/dev/sdb"]);
  assert.equal(booted?.tags["amicopy:role"], "booted-source");
  assert.match(booted?.tags["amicopy:expires"] ?? "", /^\d{4}-/);
  assert.deepEqual(
    result.image.snapshots.map(({ sourceSnapshotId }) => sourceSnapshotId),
    unreadable.snapshotIds,
    "the image's own, not those of the boot",
  );
  const line = result.image.fidelity.find(({ copy }) => copy === "booted once");
  assert.equal(line?.outcome, "asked");
  assert.match(
    line?.reason ?? "",
    /allowBootOfSource: account 100000000001 may launch .* not read/,
  );
  assert.ok(
    rows.some((text) => /^source: i-\S+ starting: ami-\S+ itself, once$/.test(text)),
    rows.join("\n"),
  );
  const calls = bench.cloud.calls.slice(from).filter(({ outcome }) => outcome === "ok");
  const made = calls
    .map(({ action }) => action)
    .filter((name) => /^(Run|Stop|CreateSn)/.test(name));
  assert.deepEqual(made.slice(0, 3), ["RunInstances", "StopInstances", "CreateSnapshots"]);
  await boot.removeOnly(result);
});

/** As anybody sees it: no address, role, key or metadata, and a group without any rule. */
async function assertAlone(instanceId: string): Promise<void> {
  const { endpoint, env } = bench.cloud;
  const credentials = fromIni({
    profile: "aws-1",
    filepath: env.AWS_SHARED_CREDENTIALS_FILE ?? "",
    configFilepath: env.AWS_CONFIG_FILE ?? "",
  });
  const client = new EC2Client({ region: "us-east-1", endpoint, credentials });
  try {
    const answer = await client.send(new DescribeInstancesCommand({ InstanceIds: [instanceId] }));
    const instance = answer.Reservations?.[0]?.Instances?.[0];
    assert.equal(instance?.State?.Name, "running");
    assert.equal(instance?.PublicIpAddress, undefined);
    assert.equal(instance?.IamInstanceProfile, undefined);
    assert.equal(instance?.KeyName, undefined);
    assert.equal(instance?.MetadataOptions?.HttpEndpoint, "disabled");
    for (const { Ebs } of instance?.BlockDeviceMappings ?? []) {
      assert.equal(Ebs?.DeleteOnTermination, true);
    }
    const GroupIds = instance?.SecurityGroups?.flatMap(({ GroupId }) => GroupId ?? []) ?? [];
    const { SecurityGroups = [] } = await client.send(
      new DescribeSecurityGroupsCommand({ GroupIds }),
    );
    assert.equal(SecurityGroups.length, 1);
    assert.deepEqual(SecurityGroups[0]?.IpPermissions ?? [], []);
    assert.deepEqual(SecurityGroups[0]?.IpPermissionsEgress ?? [], []);
  } finally {
    client.destroy();
  }
}

test("each device of a boot has its own copy; blank and ephemeral ones have none", async () => {
  const { imageId, snapshotIds } = await boot.publicImage("twice", {
    mappings: [
      { deviceName: "/dev/xvda", disk: "/dev/xvda" },
      { deviceName: "/dev/sdb", disk: "/dev/sdb" },
      { deviceName: "/dev/sdc", disk: "/dev/sdb", deleteOnTermination: true },
      { deviceName: "/dev/sdd", sizeGib: 3 },
      { deviceName: "/dev/sde", virtualName: "ephemeral0" },
    ],
  });
  let booted: BootRequest | undefined;
  const watching = withSource((real) => ({
    bootImage(asked) {
      booted = asked;
      return real.bootImage(asked);
    },
  }));
  const result = await copyOf(2, watching, { ...request, sourceAmiId: imageId });
  assert.deepEqual(booted?.leftOut, ["/dev/sdd", "/dev/sde"]);
  const { snapshots, registration } = result.image;
  assert.deepEqual(
    snapshots.map(({ deviceName, sourceSnapshotId }) => [deviceName, sourceSnapshotId]),
    [
      ["/dev/xvda", snapshotIds[0]],
      ["/dev/sdb", snapshotIds[1]],
      ["/dev/sdc", snapshotIds[1]],
    ],
  );
  assert.equal(new Set(snapshots.map(({ snapshotId }) => snapshotId)).size, 3);
  assert.deepEqual(
    registration.blockDevices.map(({ deviceName, kind }) => `${deviceName} ${kind}`),
    [
      "/dev/xvda snapshot",
      "/dev/sdb snapshot",
      "/dev/sdc snapshot",
      "/dev/sdd blank",
      "/dev/sde ephemeral",
    ],
  );
  await boot.removeOnly(result, 3);
});

test("a type that the image does not allow is passed over, and so is a zone without room", async () => {
  const { imageId } = await boot.publicImage("choosy", {
    instanceTypes: { unsupported: ["t4g.*", "c7g.medium"] },
  });
  const asked: string[] = [];
  let full = true;
  const watching = withSource((real) => ({
    async bootImage(boot) {
      asked.push(boot.instanceType);
      if (boot.instanceType !== "c7g.large" || !full) return real.bootImage(boot);
      full = false;
      throw cloudError("capacity", "RunInstances");
    },
  }));
  const result = await copyOf(3, watching, { ...request, sourceAmiId: imageId });
  assert.deepEqual(asked, ["t4g.small", "c7g.medium", "c7g.large", "c7g.large"]);
  await boot.removeOnly(result);
});

function refusingToRegister(): Partial<RunContext> {
  const { source, destination } = bench.clouds();
  const registerImage = async () => {
    throw cloudError("denied", "RegisterImage");
  };
  return { clouds: { source, destination: exchange(destination, { registerImage }) } };
}

test("finished copies of one boot are adopted together, without another boot", async () => {
  await assert.rejects(copyOf(0x60, refusingToRegister()));
  assert.deepEqual(kindsOf(await bench.leftovers()), ["snapshot", "snapshot"]);
  const from = bench.cloud.calls.length;
  const result = await copyOf(0x60);
  const made = bench.cloud.calls.slice(from).filter(({ action }) => /^(Run|CreateSn)/.test(action));
  assert.deepEqual(made, []);
  await boot.assertEqual(result);
  await boot.removeOnly(result);
});

test("copies of two boots are never mixed: with one lost all are made anew, and the old ones go", async () => {
  await assert.rejects(copyOf(0x61, refusingToRegister()));
  const { destination } = bench.clouds();
  const [gone, kept] = await destination.describeSnapshots({
    tags: { "amicopy:run": runId(0x61) },
  });
  await destination.deleteSnapshot(gone?.snapshotId ?? "");
  const result = await copyOf(0x61);
  const ids = result.image.snapshots.map(({ snapshotId }) => snapshotId);
  assert.ok(!ids.includes(kept?.snapshotId ?? ""));
  await boot.removeOnly(result);
});

test("an image of which only one snapshot may be read is started all the same", async () => {
  const { imageId, snapshotIds } = await boot.publicImage("half", {
    snapshots: {
      "/dev/sdb": {
        description: "the data",
        createVolumePermission: { accountIds: ["100000000001"] },
      },
    },
  });
  const result = await copyOf(0x62, {}, { ...request, sourceAmiId: imageId });
  await boot.assertEqual(result);
  const [root, data] = await bench.clouds().destination.describeSnapshots({
    ids: result.image.snapshots.map(({ snapshotId }) => snapshotId),
  });
  const words = [root, data].map((one) => one?.description).sort();
  assert.deepEqual(words, [`Copy of ${snapshotIds[0]} of ${imageId}`, "the data"]);
  await boot.removeOnly(result);
});
