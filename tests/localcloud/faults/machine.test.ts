/** Faults that a real machine's programs meet: the kernel itself refuses, stops or kills them. */

import assert from "node:assert/strict";
import { after, test } from "node:test";
import { EC2Client, GetConsoleOutputCommand, TerminateInstancesCommand } from "@aws-sdk/client-ec2";
import { obstacleTo } from "../../../localcloud/faults/disk.ts";
import type { FaultPlanInput } from "../../../localcloud/localcloud.ts";
import { startLocalcloud } from "../../../localcloud/localcloud.ts";
import { instanceState, launch, until } from "../conformance-cloud.ts";

const delays = { instancePending: 5, instanceStopping: 5, volumeCreating: 5 };
const cloud = await startLocalcloud({ delays });
const ec2 = new EC2Client({
  region: "us-east-1",
  endpoint: cloud.endpoint,
  credentials: {
    accessKeyId: cloud.env.SOURCE_AWS_ACCESS_KEY_ID ?? "",
    secretAccessKey: cloud.env.SOURCE_AWS_SECRET_ACCESS_KEY ?? "",
  },
});
after(async () => {
  ec2.destroy();
  await cloud.close();
});

/** Runs a script on a machine with such faults, with a disk of 1 GiB at `sdf`. */
async function run(faults: FaultPlanInput["faults"], ...script: string[]): Promise<string> {
  await cloud.setFaults({ faults });
  const { InstanceId: id = "" } = await launch(ec2, {
    UserData: Buffer.from(["#!/bin/sh", ...script].join("\n")).toString("base64"),
    BlockDeviceMappings: [{ DeviceName: "/dev/sdf", Ebs: { VolumeSize: 1, VolumeType: "gp3" } }],
  });
  return id;
}

async function consoleOf(id: string): Promise<string> {
  const answer = await ec2.send(new GetConsoleOutputCommand({ InstanceId: id, Latest: true }));
  return Buffer.from(answer.Output ?? "", "base64").toString();
}

async function said(id: string, pattern: RegExp): Promise<string> {
  return until(async () => {
    const text = await consoleOf(id);
    return pattern.test(text) && text;
  });
}

test("a disk cannot be written beyond some byte", async () => {
  const id = await run(
    [{ fault: "disk", does: "write-error" }],
    "dd if=/dev/zero of=$HOST_DEV/sdf bs=1M count=3 conv=notrunc || echo BROKEN",
  );
  const text = await said(id, /BROKEN/);
  assert.doesNotMatch(text, /3\+0 records out/);
});

for (const [does, words] of [
  ["no-space", "No space left on device"],
  ["read-error", "Input/output error"],
] as const) {
  test(`a disk fails with "${words}"`, { skip: obstacleTo({ does }) ?? false }, async () => {
    const way =
      does === "read-error" ? "if=$HOST_DEV/sdf of=/dev/null" : "if=/dev/zero of=$HOST_DEV/sdf";
    const id = await run(
      [{ fault: "disk", does, device: "/dev/sdf", fromByte: 2 << 20 }],
      `dd ${way} bs=1M count=2 conv=notrunc && echo FIRST`,
      `dd ${way} bs=1M count=9 conv=notrunc || echo BROKEN`,
      "echo SIZE $(stat -Lc %s $HOST_DEV/sdf)",
    );
    const text = await said(id, /SIZE/);
    assert.match(text, /FIRST/);
    assert.match(text, new RegExp(words));
    assert.match(text, /BROKEN/);
  });
}

const skip = obstacleTo({ does: "root-full" }) ?? false;

test("there is no room for a machine's files", { skip }, async () => {
  const id = await run(
    [{ fault: "disk", does: "root-full" }],
    "cd $(mktemp -d) && head -c 20000 /dev/zero > file || echo BROKEN",
  );
  assert.match(await said(id, /BROKEN/), /No space left on device/);
});

test("a machine that hangs says nothing more, until it goes on", async () => {
  const id = await run(
    [{ fault: "instance", does: "hangs", when: { console: "COUNT 3" }, forMs: 300 }],
    "n=0; while :; do n=$((n+1)); echo COUNT $n; sleep 0.02; done",
  );
  await said(id, /COUNT 3/);
  await until(async () => cloud.firedFaults.some(({ to }) => to.startsWith(id)));
  const count = (text: string) => Number([...text.matchAll(/COUNT (\d+)/g)].at(-1)?.[1]);
  const atStop = count(await consoleOf(id));
  await until(async () => count(await consoleOf(id)) > atStop + 3);
  await ec2.send(new TerminateInstancesCommand({ InstanceIds: [id] }));
  await instanceState(ec2, id, "terminated");
});

test("one that hangs for a time goes on when its fault is taken back", async () => {
  const hangs = { fault: "instance", does: "hangs", forMs: 600_000 } as const;
  const id = await run(
    [{ ...hangs, when: { console: "COUNT 3" } }],
    "n=0; while :; do n=$((n+1)); echo COUNT $n; sleep 0.02; done",
  );
  await until(async () => cloud.firedFaults.some(({ to }) => to.startsWith(id)));
  await cloud.setFaults({ faults: [] });
  await said(id, /COUNT 40\b/);
  await ec2.send(new TerminateInstancesCommand({ InstanceIds: [id] }));
  await instanceState(ec2, id, "terminated");
});

test("a machine that hangs for good can be terminated", async () => {
  const id = await run([{ fault: "instance", does: "hangs" }], "sleep 1000");
  await until(async () => cloud.firedFaults.some(({ to }) => to.startsWith(id)));
  await ec2.send(new TerminateInstancesCommand({ InstanceIds: [id] }));
  await instanceState(ec2, id, "terminated");
});

test("a console that lags shows all of it in the end", async () => {
  const id = await run([{ fault: "console-lag", ms: 700 }], "echo EARLY");
  await said(id, /EARLY/);
});
