/** Whole copies against a localcloud, with a stand-in agent that may misbehave. */

import assert from "node:assert/strict";
import { after, test } from "node:test";
import { CloudError } from "../../../dynamic-providers/ec2/cloud-error.ts";
import type { Ec2 } from "../../../dynamic-providers/ec2/ec2.ts";
import { CopyError, isCopyError } from "../../../dynamic-providers/workflow/copy-error.ts";
import { copyImage } from "../../../dynamic-providers/workflow/copy-image.ts";
import type { CopyResult } from "../../../dynamic-providers/workflow/copy-request.ts";
import { removeImage } from "../../../dynamic-providers/workflow/remove-image.ts";
import { sweepRun } from "../../../dynamic-providers/workflow/sweep-run.ts";
import { waitUntil } from "../../../dynamic-providers/workflow/wait-until.ts";
import { type Behaviour, exchange, openCloudBench, QUICK, runId } from "./cloud-bench.ts";

const bench = await openCloudBench();
after(() => bench[Symbol.asyncDispose]());

async function copyWith(number: number, behaviour: Behaviour = "good", request = bench.request) {
  return copyImage(request, await bench.identity(runId(number)), await bench.context(behaviour));
}

async function failedCopy(running: Promise<unknown>): Promise<CopyError> {
  try {
    await running;
  } catch (error) {
    assert.ok(isCopyError(error), `not a CopyError: ${error}`);
    return error;
  }
  return assert.fail("the copy did not fail");
}

async function remove({ image }: CopyResult) {
  await removeImage(image, bench.clouds().destination, { ...QUICK_PACE });
  assert.deepEqual(await bench.leftovers(), []);
}

const QUICK_PACE = {
  limits: QUICK,
  clock: (await bench.context("good")).clock,
};

/** A verb that is not allowed. */
function refusing(operation: string) {
  return async (): Promise<never> => {
    const details = { kind: "denied", code: "UnauthorizedOperation" } as const;
    throw new CloudError("no", { ...details, operation, region: "us-east-1" });
  };
}

function callsSince(index: number, ...actions: string[]) {
  return bench.cloud.calls.slice(index).filter(({ action }) => actions.includes(action));
}

test("a copy leaves the image and its snapshots, equal to the source, and nothing else", async () => {
  const rows = new Map<string, string[]>();
  const context = await bench.context("good", {
    report: (row, text) => rows.set(row, [...(rows.get(row) ?? []), text]),
  });
  const request = { ...bench.request, description: "a copy", tags: { team: "a" } };
  const result = await copyImage(request, await bench.identity(runId(1)), context);
  const { image, helpers } = result;
  assert.deepEqual(
    image.snapshots.map(({ deviceName, volumeSizeGib }) => [deviceName, volumeSizeGib]),
    [
      ["/dev/xvda", 1],
      ["/dev/sdb", 1],
    ],
  );
  for (const [index, { snapshotId }] of image.snapshots.entries()) {
    assert.ok(
      bench.contents[index]?.equals(await bench.firstMib("us-gov-west-1", snapshotId)),
      `disk ${index} is equal`,
    );
  }
  assert.equal(image.name, "golden");
  assert.equal(image.rootSnapshotId, image.snapshots[0]?.snapshotId);
  assert.deepEqual(image.imageTags, { team: "a" });
  assert.equal(helpers.source.outcome, "complete");
  assert.deepEqual((await bench.leftovers()).map((line) => line.split(" ")[0]).sort(), [
    "image",
    "snapshot",
    "snapshot",
  ]);
  const [registered] = await bench
    .clouds()
    .destination.describeImages({ imageIds: [image.imageId] });
  assert.equal(registered?.description, "a copy");
  const keys = Object.keys(registered?.tags ?? {}).sort();
  assert.deepEqual(keys, [
    "amicopy:attempt",
    "amicopy:claimed",
    "amicopy:expires",
    "amicopy:role",
    "amicopy:run",
    "team",
  ]);
  assert.ok(rows.get("image")?.some((text) => /^copying \d+% · /.test(text)));
  assert.match(rows.get("source")?.at(-1) ?? "", /^i-[0-9a-f]+ terminated$/);
  await remove(result);
});

test("a taken name is used with the run's id when none was asked for", async () => {
  const first = await copyWith(2);
  const second = await copyWith(3);
  assert.equal(second.image.name, "golden-0000000");
  const { destination } = bench.clouds();
  await removeImage(first.image, destination, QUICK_PACE);
  await remove(second);
});

test("an encrypted copy is asked for and made", async () => {
  const result = await copyWith(4, "good", { ...bench.request, encrypted: true });
  const ids = result.image.snapshots.map(({ snapshotId }) => snapshotId);
  for (const snapshot of await bench.clouds().destination.describeSnapshots({ ids })) {
    assert.equal(snapshot.encrypted, true);
  }
  await remove(result);
});

test("source and destination may be one account and region", async () => {
  const request = { ...bench.request, destination: bench.request.source };
  const identity = await bench.identity(runId(5));
  const here = { ...identity, destination: identity.source };
  const context = await bench.context("good", { clouds: bench.clouds(request) });
  const { image } = await copyImage(request, here, context);
  assert.equal(image.name, "golden-0000000");
  await removeImage(image, bench.clouds(request).destination, QUICK_PACE);
  assert.deepEqual(await bench.leftovers(), []);
});

const FAILURES = [
  [
    "lies",
    "digest-mismatch",
    /^the copy of snap-[0-9a-f]+ differs from it: digest [0-9a-f]{64} at/,
  ],
  [
    "fails",
    "helper-failed",
    /^the source helper i-\S+ \(us-east-1\) failed: disk-io: the disk made a noise; the end of its console:\n/,
  ],
  [
    "vanishes",
    "helper-lost",
    /^the source helper i-\S+ \(us-east-1\) is (shutting-down|terminated)/,
  ],
] as const;

for (const [index, [behaviour, code, message]] of FAILURES.entries()) {
  test(`a helper that ${behaviour} ends the copy with one reason and nothing left`, async () => {
    const error = await failedCopy(copyWith(16 + index, behaviour));
    assert.equal(error.code, code);
    assert.match(error.message, message);
    assert.deepEqual(error.leftBehind, []);
    assert.deepEqual(await bench.leftovers(), []);
  });
}

test("a helper that never speaks is given up at the limit that the error names", async () => {
  const limits = { ...QUICK, helloMs: 600 };
  const context = await bench.context("mute", { limits });
  const error = await failedCopy(
    copyImage(bench.request, await bench.identity(runId(20)), context),
  );
  assert.equal(error.code, "timed-out");
  assert.match(
    error.message,
    /gave up waiting for the \w+ helper i-\S+ .* to say hello on its console after 0\.6 s/,
  );
  assert.deepEqual(await bench.leftovers(), []);
});

test("a stop in the middle ends the helpers and says so", async () => {
  const stop = new AbortController();
  const context = await bench.context("waits", {
    signal: stop.signal,
    report: (_row, text) => text === "introduced" && stop.abort(new Error("Ctrl-C")),
  });
  const error = await failedCopy(
    copyImage(bench.request, await bench.identity(runId(21)), context),
  );
  assert.equal(error.code, "stopped");
  assert.equal(error.message, "the copy was stopped: Ctrl-C");
  assert.deepEqual(await bench.leftovers(), []);
});

test("a newer attempt of a run ends the older one, which stops at once and touches nothing of it", async () => {
  const { promise: introduced, resolve } = Promise.withResolvers<void>();
  const older = failedCopy(
    copyImage(
      bench.request,
      await bench.identity(runId(22)),
      await bench.context("waits", { report: (_row, text) => text === "introduced" && resolve() }),
    ),
  );
  await introduced;
  const result = await copyWith(22);
  assert.equal(result.attempt, 2);
  const error = await older;
  assert.ok(["superseded", "helper-lost"].includes(error.code), error.message);
  await remove(result);
});

test("a process whose engine is gone claims nothing, whatever it has looked at before", async () => {
  const gone = new CopyError("The engine is gone.", { code: "stopped", step: "run" });
  const context = await bench.context("good", { checkWanted: () => Promise.reject(gone) });
  const identity = await bench.identity(runId(24));
  const from = bench.cloud.calls.length;
  assert.equal(await failedCopy(copyImage(bench.request, identity, context)), gone);
  assert.ok(callsSince(from, "DescribeSecurityGroups").length > 0);
  assert.deepEqual(callsSince(from, "CreateSecurityGroup", "RunInstances"), []);
});

test("what an attempt has finished is adopted by the next, which then needs no helpers", async () => {
  const context = await bench.context("good");
  const failing = exchange(context.clouds.destination, {
    registerImage: refusing("RegisterImage"),
  });
  const clouds = { ...context.clouds, destination: failing };
  const identity = await bench.identity(runId(23));
  const error = await failedCopy(copyImage(bench.request, identity, { ...context, clouds }));
  assert.equal(error.code, "cloud");
  const kept = await bench.leftovers();
  assert.deepEqual(
    kept.map((line) => line.replace(/ snap-\S+/, "")),
    ["snapshot completed", "snapshot completed"],
  );
  const from = bench.cloud.calls.length;
  const result = await copyWith(23);
  assert.equal(result.helpers.source.outcome, "not-needed");
  assert.deepEqual(callsSince(from, "RunInstances", "CreateSnapshot"), []);
  await remove(result);
});

test("a helper's own volumes go with it, whatever its image says", async () => {
  const { source } = bench.clouds();
  const [golden] = await source.describeImages({ imageIds: [bench.imageId] });
  assert.ok(golden);
  const { name: _, imageId: __, ...registration } = golden;
  const blockDevices = golden.blockDevices.map((device) => ({
    ...device,
    deleteOnTermination: false,
  }));
  const own = { name: "helper", rootDeviceName: "/dev/xvda", blockDevices, tags: { team: "a" } };
  const imageId = await source.registerImage({ ...registration, ...own });
  bench.spare(imageId);
  const context = await bench.context("good");
  const what = { step: "test", what: "the helper's image", limitMs: 10_000, ids: [imageId] };
  await waitUntil(context, what, async () => {
    const [image] = await source.describeImages({ imageIds: [imageId] });
    return image?.state === "available" ? image : undefined;
  });
  const request = { ...bench.request, helper: { source: { imageId }, destination: {} } };
  const result = await copyImage(request, await bench.identity(runId(41)), context);
  await remove(result);
  assert.deepEqual(await bench.leftovers(), []);
});

test("only what is missing is copied again", async () => {
  const context = await bench.context("good");
  const failing = exchange(context.clouds.destination, {
    registerImage: refusing("RegisterImage"),
  });
  const clouds = { ...context.clouds, destination: failing };
  const identity = await bench.identity(runId(28));
  await failedCopy(copyImage(bench.request, identity, { ...context, clouds }));
  const [lost] = await failing.describeSnapshots({ tags: { "amicopy:run": runId(28) } });
  await failing.deleteSnapshot(lost?.snapshotId ?? "");
  const from = bench.cloud.calls.length;
  const result = await copyWith(28);
  assert.equal(result.image.bytesRead, 2 ** 20, "one of two");
  assert.equal(callsSince(from, "CreateSnapshot").length, 1);
  assert.equal(result.image.snapshots.length, 2);
  await remove(result);
});

test("without room the next zone is tried, then the next type, and an explicit type only by zone", async () => {
  const tried: string[] = [];
  const full = (type: RegExp) => {
    const { source, destination } = bench.clouds();
    const runInstance: Ec2["runInstance"] = async (request) => {
      tried.push(request.instanceType);
      if (!type.test(request.instanceType)) return source.runInstance(request);
      const details = { kind: "capacity", code: "InsufficientInstanceCapacity" } as const;
      throw new CloudError("full", { ...details, operation: "RunInstances", region: "us-east-1" });
    };
    return { destination, source: exchange(source, { runInstance }) };
  };
  const context = await bench.context("good", { clouds: full(/^c8gb\.xlarge$/) });
  const identity = await bench.identity(runId(29));
  const result = await copyImage(bench.request, identity, context);
  assert.deepEqual(tried, ["c8gb.xlarge", "c8gb.xlarge", "c8gb.xlarge", "c8gn.xlarge"]);
  assert.equal(result.helpers.source.instanceType, "c8gn.xlarge");
  await remove(result);

  const explicit = { source: { instanceType: "c7g.large" }, destination: {} };
  const clouds = full(/./);
  const request = { ...bench.request, helper: explicit };
  const error = await failedCopy(
    copyImage(request, await bench.identity(runId(30)), await bench.context("good", { clouds })),
  );
  assert.equal(error.code, "no-capacity");
  assert.match(
    error.message,
    /^no room for the source helper: tried c7g\.large in us-east-1a, us-east-1b, .* \(Ins/,
  );
  assert.deepEqual(await bench.leftovers(), []);
});

test("what expires does so by AWS's clock, however wrong ours is", async () => {
  const context = await bench.context("good");
  const DAY_MS = 86_400_000;
  let told = "";
  const wrong = exchange(context.clouds.destination, {
    clockBehindMs: () => DAY_MS,
    createSecurityGroup: async ({ tags }) => {
      told = tags["amicopy:expires"] ?? "";
      return refusing("CreateSecurityGroup")();
    },
  });
  const clouds = { ...context.clouds, destination: wrong };
  const identity = await bench.identity(runId(60));
  await failedCopy(copyImage(bench.request, identity, { ...context, clouds }));
  const aheadMs = Date.parse(told) - Date.now();
  const ownMs = bench.request.timeoutMinutes * 60_000 + QUICK.expiryMarginMs;
  assert.ok(Math.abs(aheadMs - DAY_MS - ownMs) < 60_000, told);
});

test("the helpers can reach nothing but each other once they are introduced", async () => {
  const from = bench.cloud.calls.length;
  const result = await copyWith(31);
  const calls = callsSince(
    from,
    "RunInstances",
    "AuthorizeSecurityGroupIngress",
    "AuthorizeSecurityGroupEgress",
    "RevokeSecurityGroupEgress",
  ).map(({ action }) => action.replace("SecurityGroup", ""));
  const launched = calls.lastIndexOf("RunInstances");
  assert.ok(calls.indexOf("AuthorizeIngress") > launched, "nothing comes in while they boot");
  assert.equal(calls.filter((action) => action === "AuthorizeIngress").length, 2, "TCP and UDP");
  assert.equal(calls.slice(launched).filter((action) => action === "RevokeEgress").length, 2);
  await remove(result);
});

test("a run whose result got lost gives the same image again", async () => {
  const first = await copyWith(24);
  const again = await copyWith(24);
  assert.equal(again.image.imageId, first.image.imageId);
  assert.deepEqual(again.image.snapshots, first.image.snapshots);
  await remove(again);
});

test("what could not be cleaned up is named, and the sweep removes it", async () => {
  const context = await bench.context("fails");
  const source = exchange(context.clouds.source, {
    terminateInstance: refusing("TerminateInstances"),
    deleteSecurityGroup: refusing("DeleteSecurityGroup"),
  });
  const identity = await bench.identity(runId(25));
  const clouds = { ...context.clouds, source };
  const error = await failedCopy(copyImage(bench.request, identity, { ...context, clouds }));
  assert.equal(error.code, "helper-failed");
  assert.match(error.leftBehind.join("\n"), /^things of run 0+19 in us-east-1: /m);
  assert.match(error.leftBehind.join("\n"), /^instance i-\S+ in us-east-1: no$/m);
  assert.match(error.leftBehind.join("\n"), /^security group sg-\S+ in us-east-1: no$/m);
  assert.notDeepEqual(await bench.leftovers(), []);
  const options = { ...QUICK_PACE, signal: new AbortController().signal };
  const removed = await sweepRun(identity, bench.clouds().source, "source", options);
  assert.match(removed.join("\n"), /^instance i-/);
  assert.deepEqual(await bench.leftovers(), []);
  const again = await sweepRun(identity, bench.clouds().source, "source", options);
  assert.deepEqual(again, []);
});

test("a sweep with the credentials of another account changes nothing and says which", async () => {
  const identity = await bench.identity(runId(27));
  const options = { ...QUICK_PACE, signal: new AbortController().signal };
  const other = { ...bench.request, source: { region: "us-east-1", profile: "aws-2" } };
  const error = await failedCopy(sweepRun(identity, bench.clouds(other).source, "source", options));
  assert.equal(error.code, "wrong-account");
});
