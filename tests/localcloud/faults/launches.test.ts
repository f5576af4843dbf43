/** What happens to instances, on machines of paper: states and reasons as EC2 tells them. */

import assert from "node:assert/strict";
import { beforeEach, test } from "node:test";
import {
  DescribeInstancesCommand,
  GetConsoleOutputCommand,
  StartInstancesCommand,
  TerminateInstancesCommand,
} from "@aws-sdk/client-ec2";
import { obstacleTo } from "../../../localcloud/faults/disk.ts";
import type { FaultPlanInput } from "../../../localcloud/localcloud.ts";
import { instanceState, launch, openConformanceCloud, until } from "../conformance-cloud.ts";

const cloud = await openConformanceCloud();
const { localcloud } = cloud;
const ec2 = cloud.ec2();

const set = (...faults: FaultPlanInput["faults"]) => localcloud.setFaults({ faults });
beforeEach(() => set());

type Request = Parameters<typeof launch>[1];

async function launched(request?: Request): Promise<string> {
  return (await launch(ec2, request)).InstanceId ?? "";
}

async function ended(id: string, state = "terminated") {
  const { StateReason, StateTransitionReason } = await instanceState(ec2, id, state);
  return { reason: StateReason?.Code, how: StateTransitionReason };
}

test("one launch of several fails with a late reason, as a key that may not be used", async () => {
  await set({ fault: "instance", does: "fails-to-launch", nth: 2 });
  const [first, second] = [await launched(), await launched()];
  await instanceState(ec2, first, "running");
  const { StateReason } = await instanceState(ec2, second, "terminated");
  assert.equal(StateReason?.Code, "Client.InvalidKMSKey.InvalidState");
  assert.match(StateReason?.Message ?? "", /KMS key provided is in an incorrect state/);
  assert.equal(cloud.machinery.machines.has(second), false, "it has never booted");
});

test("an instance stays pending, and can be terminated", async () => {
  await set({ fault: "instance", does: "stays-pending" });
  const id = await launched();
  await set();
  await instanceState(ec2, await launched(), "running");
  const { Reservations: [one] = [] } = await ec2.send(
    new DescribeInstancesCommand({ InstanceIds: [id] }),
  );
  assert.equal(one?.Instances?.[0]?.State?.Name, "pending");
  await ec2.send(new TerminateInstancesCommand({ InstanceIds: [id] }));
  await instanceState(ec2, id, "terminated");
});

test("an instance is running but never gets to its user data", async () => {
  await set({ fault: "instance", does: "never-boots" });
  const id = await launched({ UserData: Buffer.from("#!/bin/sh\necho up").toString("base64") });
  await instanceState(ec2, id, "running");
  assert.doesNotMatch(cloud.machinery.machines.get(id)?.spec.userData.toString() ?? "", /up/);
});

test("an instance is killed, terminated or shut down, each with its reason", async () => {
  const InstanceInitiatedShutdownBehavior = "terminate";
  await set({ fault: "instance", does: "is-killed" });
  assert.equal((await ended(await launched())).reason, "Server.InternalError");
  await set({ fault: "instance", does: "is-terminated", when: { afterMs: 10 } });
  const terminated = await ended(await launched());
  assert.equal(terminated.reason, "Client.UserInitiatedShutdown");
  assert.match(terminated.how ?? "", /^User initiated/);
  await set({ fault: "instance", does: "shuts-down" });
  const shutDown = await ended(await launched({ InstanceInitiatedShutdownBehavior }));
  assert.equal(shutDown.reason, "Client.InstanceInitiatedShutdown");
});

test("an instance is stopped by somebody, and can be started again without new trouble", async () => {
  await set({ fault: "instance", does: "is-stopped" });
  const id = await launched();
  assert.equal((await ended(id, "stopped")).reason, "Client.UserInitiatedShutdown");
  await ec2.send(new StartInstancesCommand({ InstanceIds: [id] }));
  await instanceState(ec2, id, "running");
});

test("an instance hangs when its console shows a text, and goes on after a time", async () => {
  await set({ fault: "instance", does: "hangs", when: { console: "now" }, forMs: 50 });
  const id = await launched();
  await instanceState(ec2, id, "running");
  const machine = await until(async () => cloud.machinery.machines.get(id));
  assert.equal(machine.frozen, false);
  machine.say("it is now");
  await until(async () => machine.frozen);
  await until(async () => !machine.frozen);
});

test("a plan that is replaced strikes nobody any more", async () => {
  await set({ fault: "instance", does: "is-terminated", when: { console: "now" } });
  const id = await launched();
  await instanceState(ec2, id, "running");
  await set({ fault: "instance", does: "hangs", when: { console: "now" } });
  const other = await launched();
  await instanceState(ec2, other, "running");
  for (const one of [id, other]) cloud.machinery.machines.get(one)?.say("now");
  await until(async () => cloud.machinery.machines.get(other)?.frozen);
  await instanceState(ec2, id, "running");
});

test("a rule strikes the side, the type and the zone that it names", async () => {
  await set({ fault: "instance", does: "is-killed", side: "destination" });
  await instanceState(ec2, await launched(), "running");
  await set({ fault: "instance", does: "is-killed", instanceType: "c7g.medium" });
  await instanceState(ec2, await launched(), "running");
  assert.equal(
    (await ended(await launched({ InstanceType: "c7g.medium" }))).reason,
    "Server.InternalError",
  );
});

test("a console shows what it is told to, garbage or lies", async () => {
  const shown = async (rule: object) => {
    const fault = { fault: "console-text" as const, ...rule };
    await set(fault);
    const id = await launched();
    return until(async () => {
      const latest = { InstanceId: id, Latest: true };
      const { Output = "" } = await ec2.send(new GetConsoleOutputCommand(latest));
      return Output !== "" && Buffer.from(Output, "base64").toString();
    });
  };
  assert.match(await shown({ line: "somebody was here" }), /somebody was here/);
  assert.match(await shown({ shows: "control-characters" }), /\[2J/);
  assert.match(await shown({ shows: "forged-lines" }), /amicopy1 1 \{"type":"hello"/);
  assert.ok((await shown({ shows: "megabytes" })).length >= 60 * 1024);
});

test("a console shows what was true some time ago, also after the end", async () => {
  await set({ fault: "console-lag", ms: 60_000 });
  const id = await launched();
  await instanceState(ec2, id, "running");
  cloud.machinery.machines.get(id)?.say("something");
  const output = async (Latest: boolean) =>
    (await ec2.send(new GetConsoleOutputCommand({ InstanceId: id, Latest }))).Output ?? "";
  assert.equal(await output(true), "");
  await ec2.send(new TerminateInstancesCommand({ InstanceIds: [id] }));
  await instanceState(ec2, id, "terminated");
  assert.equal(await output(false), "");
  await set();
  assert.match(Buffer.from(await output(false), "base64").toString(), /something/);
});

test("what struck an instance is told with its id", async () => {
  await set({ fault: "console-lag", ms: 5 }, { fault: "instance", does: "is-killed" });
  const before = localcloud.firedFaults.length;
  const id = await launched();
  await instanceState(ec2, id, "terminated");
  const told = localcloud.firedFaults.slice(before).map(({ to, what }) => `${to}: ${what}`);
  assert.deepEqual(told, [`${id} aws-1 us-east-1: 5 ms`, `${id} aws-1 us-east-1: is-killed`]);
});

test("a network that nobody can cut is refused before anything happens", async () => {
  await assert.rejects(
    set({ fault: "network", forMs: 10 }),
    /^FaultPlanError: the faults are not possible here: faults\[0\] \(network\) needs/,
  );
});

const skip = obstacleTo({ does: "no-space" }) ?? false;

test("a disk that a launch does not have fails nowhere, and is waited for", { skip }, async () => {
  await set({ fault: "disk", does: "no-space", device: "/dev/sdf", nth: 1 });
  const before = localcloud.firedFaults.length;
  await instanceState(ec2, await launched(), "running");
  assert.equal(localcloud.firedFaults.length, before);
  const BlockDeviceMappings = [{ DeviceName: "/dev/sdf", Ebs: { VolumeSize: 1 } }];
  const id = await launched({ BlockDeviceMappings });
  assert.deepEqual(
    localcloud.firedFaults.slice(before).map(({ to }) => to),
    [`${id} aws-1 us-east-1`],
  );
});
