/** A failed helper that somebody wants to look into: what stays, who gets in, and when it is over. */

import assert from "node:assert/strict";
import { after, test } from "node:test";
import {
  DescribeInstancesCommand,
  DescribeSecurityGroupRulesCommand,
  EC2Client,
  ImportKeyPairCommand,
} from "@aws-sdk/client-ec2";
import { fromIni } from "@aws-sdk/credential-providers";
import { messageOf } from "../../../dynamic-providers/failure.ts";
import { type CopyError, isCopyError } from "../../../dynamic-providers/workflow/copy-error.ts";
import { copyImage } from "../../../dynamic-providers/workflow/copy-image.ts";
import type { CopyRequest } from "../../../dynamic-providers/workflow/copy-request.ts";
import { preflight } from "../../../dynamic-providers/workflow/preflight.ts";
import { removeImage } from "../../../dynamic-providers/workflow/remove-image.ts";
import { lookAtRegion } from "../../../dynamic-providers/workflow/sweep-region.ts";
import { type Behaviour, openCloudBench, QUICK, runId } from "./cloud-bench.ts";

const bench = await openCloudBench();
after(() => bench[Symbol.asyncDispose]());

const { env, endpoint } = bench.cloud;
const files = {
  filepath: env.AWS_SHARED_CREDENTIALS_FILE ?? "",
  configFilepath: env.AWS_CONFIG_FILE ?? "",
};
const credentials = fromIni({ profile: "aws-1", ignoreCache: true, ...files });
const ec2 = new EC2Client({ region: "us-east-1", endpoint, credentials });
after(() => ec2.destroy());

const debug = { keyName: "mine", sshFrom: "203.0.113.7", keepMinutes: 45 };
const request: CopyRequest = {
  ...bench.request,
  helper: { source: { debug }, destination: {} },
};

async function failing(number: number, behaviour: Behaviour, stop?: AbortController) {
  const context = await bench.context(behaviour, {
    ...(stop && {
      signal: stop.signal,
      report: (_row, text) => text === "introduced" && stop.abort(new Error("Ctrl-C")),
    }),
  });
  const running = copyImage(request, await bench.identity(runId(number)), context);
  return running.then(
    () => assert.fail("the copy did not fail"),
    (error: unknown): CopyError => {
      assert.ok(isCopyError(error), String(error));
      return error;
    },
  );
}

test("a key pair that is not there is refused with its name and region", async () => {
  const { problems } = await preflight(request, bench.clouds());
  assert.deepEqual(
    problems.map(({ property, message }) => `${property}: ${message}`),
    ["helper.source.debug.keyName: There is no key pair mine in us-east-1."],
  );
  const PublicKeyMaterial = Buffer.from(`ssh-ed25519 ${"A".repeat(68)}`);
  await ec2.send(new ImportKeyPairCommand({ KeyName: "mine", PublicKeyMaterial }));
  assert.deepEqual((await preflight(request, bench.clouds())).problems, []);
});

test("a failed helper stays with its tags, its volumes and a way in from one address", async () => {
  const error = await failing(1, "fails");
  const left = await bench.leftovers();
  const [id = ""] = left.flatMap((line) => /^instance (\S+) running$/.exec(line)?.[1] ?? []);
  assert.equal(left.filter((line) => line.startsWith("instance")).length, 1, left.join("\n"));
  assert.equal(left.filter((line) => line.startsWith("volume")).length, 3, left.join("\n"));
  assert.deepEqual(error.leftBehind, []);
  assert.match(
    messageOf(error),
    new RegExp(
      `Kept: source helper ${id} in us-east-1, for 45 minutes after it has failed: ` +
        "ssh ec2-user@127\\.\\S+ with key pair mine\\.",
    ),
  );

  const shown = await ec2.send(new DescribeInstancesCommand({ InstanceIds: [id] }));
  const [instance] = shown.Reservations?.[0]?.Instances ?? [];
  assert.equal(instance?.KeyName, "mine");
  const tags = Object.fromEntries(instance?.Tags?.map(({ Key, Value }) => [Key, Value]) ?? []);
  assert.equal(tags["amicopy:role"], "source-helper");
  assert.ok("amicopy:lease" in tags && "amicopy:attempt" in tags);
  // timeoutMinutes of 2, 45 to look, and the margin of an hour.
  assert.ok(Date.parse(tags["amicopy:expires"] ?? "") - Date.now() > 100 * 60_000);

  const groups = instance?.SecurityGroups?.map(({ GroupId }) => GroupId ?? "") ?? [];
  const Filters = [{ Name: "group-id", Values: groups }];
  const rules = await ec2.send(new DescribeSecurityGroupRulesCommand({ Filters }));
  const ways = (rules.SecurityGroupRules ?? [])
    .filter(({ IsEgress, FromPort }) => IsEgress === false && FromPort !== 46224)
    .map(({ IpProtocol, FromPort, ToPort, CidrIpv4 }) => [IpProtocol, FromPort, ToPort, CidrIpv4]);
  assert.deepEqual(ways, [["tcp", 22, 22, "203.0.113.7/32"]]);
});

test("a sweep respects it, and the next attempt ends it", async () => {
  const { source, destination } = bench.clouds();
  const waiting = { clock: (await bench.context("good")).clock, limits: QUICK };
  const look = { olderThanMs: 0, force: false, report: () => undefined };
  const signal = AbortSignal.timeout(60_000);
  const { runs } = await lookAtRegion(source, { ...waiting, signal }, look);
  assert.deepEqual(
    runs.map((run) => [run.runId, run.end]),
    [[runId(1), false]],
  );
  const context = await bench.context("good");
  const result = await copyImage(request, await bench.identity(runId(1)), context);
  assert.equal(result.attempt, 2);
  await removeImage(result.image, destination, waiting);
  assert.deepEqual(await bench.leftovers(), []);
});

test("after a stop there is nothing to look into, and nothing stays", async () => {
  const error = await failing(2, "waits", new AbortController());
  assert.equal(error.code, "stopped");
  assert.deepEqual(error.kept, []);
  assert.deepEqual(await bench.leftovers(), []);
});
