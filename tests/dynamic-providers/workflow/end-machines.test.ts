/** Instances that EC2 does not show, or not yet. */

import assert from "node:assert/strict";
import { after, test } from "node:test";
import { EC2Client, RunInstancesCommand } from "@aws-sdk/client-ec2";
import { endInstance } from "../../../dynamic-providers/workflow/end-machines.ts";
import { systemClock } from "../../../dynamic-providers/workflow/run-context.ts";
import { openCloudBench, QUICK } from "./cloud-bench.ts";

const bench = await openCloudBench();
after(() => bench[Symbol.asyncDispose]());

const cloud = bench.clouds().source;
const signal = AbortSignal.timeout(60_000);
const end = (instanceId: string, visibleMs: number) =>
  endInstance({ clock: systemClock, limits: { ...QUICK, visibleMs }, signal }, cloud, instanceId);

async function launch(): Promise<string> {
  const client = new EC2Client({
    region: "us-east-1",
    endpoint: bench.cloud.endpoint,
    credentials: {
      accessKeyId: bench.cloud.env.SOURCE_AWS_ACCESS_KEY_ID ?? "",
      secretAccessKey: bench.cloud.env.SOURCE_AWS_SECRET_ACCESS_KEY ?? "",
    },
  });
  const { Instances } = await client.send(
    new RunInstancesCommand({
      ImageId: bench.imageId,
      InstanceType: "c7i.large",
      MinCount: 1,
      MaxCount: 1,
    }),
  );
  client.destroy();
  return Instances?.[0]?.InstanceId ?? "";
}

test("an instance that EC2 shows only after it was launched is ended all the same", async () => {
  await bench.cloud.setFaults({
    faults: [{ fault: "lag", of: ["instance"], forMs: 1_000, seenBy: "all" }],
  });
  const instanceId = await launch();
  assert.deepEqual(await cloud.describeInstances({ ids: [instanceId] }), []);
  await end(instanceId, 20_000);
  const left = await bench.leftovers();
  assert.deepEqual(
    left.filter((line) => line.startsWith("instance")),
    [],
  );
  await bench.cloud.setFaults({ faults: [] });
});

test("one that EC2 has forgotten counts as gone, when it would be shown if it were new", async () => {
  await end("i-0123456789abcdef0", 300);
});
