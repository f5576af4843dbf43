/** Licensed copies that go wrong, at every step: one reason, and nothing left but what is finished. */

import assert from "node:assert/strict";
import { after, test } from "node:test";
import { CloudError, type CloudErrorKind } from "../../../dynamic-providers/ec2/cloud-error.ts";
import type { Ec2 } from "../../../dynamic-providers/ec2/ec2.ts";
import { type CopyError, isCopyError } from "../../../dynamic-providers/workflow/copy-error.ts";
import { copyImage } from "../../../dynamic-providers/workflow/copy-image.ts";
import { preflight } from "../../../dynamic-providers/workflow/preflight.ts";
import { removeImage } from "../../../dynamic-providers/workflow/remove-image.ts";
import { systemClock } from "../../../dynamic-providers/workflow/run-context.ts";
import { sweepRun } from "../../../dynamic-providers/workflow/sweep-run.ts";
import { KNOWN_WITHOUT_A_CALL, openCloudBench, QUICK, runId } from "./cloud-bench.ts";
import { licensedBench, RED_HAT, WINDOWS } from "./licensed-bench.ts";

const bench = await openCloudBench();
after(() => bench[Symbol.asyncDispose]());
const licensed = licensedBench(bench);
const request = await licensed.importSource("golden windows", WINDOWS);
const cloud = bench.clouds().destination;
const PACE = { clock: systemClock, limits: QUICK };

function broken(operation: string, kind: CloudErrorKind, code: string): CloudError {
  return new CloudError(`${operation}: ${code}`, { kind, code, operation, region: cloud.region });
}

async function failed(running: Promise<unknown>): Promise<CopyError> {
  try {
    await running;
  } catch (error) {
    assert.ok(isCopyError(error), `not a CopyError: ${error}`);
    return error;
  }
  return assert.fail("the copy did not fail");
}

/** A copy with some verbs of the destination exchanged. */
async function copyWith(number: number, verbs: Partial<Ec2>, changes = {}) {
  const context = await bench.context("good", changes);
  const clouds = { ...context.clouds, destination: { ...context.clouds.destination, ...verbs } };
  return copyImage(request, await bench.identity(runId(number)), { ...context, clouds });
}

/** A run that failed after its transfer leaves its two finished snapshots, which the next one adopts. */
async function assertOnlyFinished(): Promise<void> {
  const left = (await licensed.leftovers()).map((line) => line.replace(/ snap-\S+/, ""));
  assert.deepEqual(left, ["snapshot completed", "snapshot completed"]);
}

async function sweep(number: number): Promise<void> {
  const options = { ...PACE, signal: new AbortController().signal };
  await sweepRun(await bench.identity(runId(number)), cloud, "destination", options);
  assert.deepEqual(await licensed.leftovers(), []);
}

const VERBS = [
  ["closeSecurityGroup", "launch-donor"],
  ["stopInstance", "stop-donor"],
  ["createVolume", "make-volumes"],
  ["detachVolume", "swap-volumes"],
  ["attachVolume", "swap-volumes"],
  ["createImage", "create-licensed-image"],
] as const satisfies readonly (readonly [keyof Ec2, string])[];

for (const [index, [verb, step]] of VERBS.entries()) {
  test(`refused ${verb} fails ${step}, and the donor, its volumes and the copies' volumes are gone`, async () => {
    const refuse = async (): Promise<never> => {
      throw broken(verb, "denied", "UnauthorizedOperation");
    };
    const error = await failed(copyWith(1 + index, { [verb]: refuse }));
    assert.equal(error.code, "cloud");
    assert.equal(error.step, step);
    assert.deepEqual(error.leftBehind, []);
    await assertOnlyFinished();
    await sweep(1 + index);
  });
}

test("the next attempt adopts what a failed one has finished, and needs a donor but no helpers", async () => {
  const createImage = async (): Promise<never> => {
    throw broken("CreateImage", "denied", "UnauthorizedOperation");
  };
  await failed(copyWith(20, { createImage }));
  const from = bench.cloud.calls.length;
  const { image, helpers, attempt } = await copyWith(20, {});
  assert.equal(attempt >= 1, true);
  assert.equal(helpers.source.outcome, "not-needed");
  const since = bench.cloud.calls.slice(from).filter(({ outcome }) => outcome === "ok");
  assert.equal(since.filter(({ action }) => action === "RunInstances").length, 1);
  await removeImage(image, cloud, PACE);
  assert.deepEqual(await licensed.leftovers(), []);
});

test("an image that came out with another licence fails the copy, and goes with its snapshots", async () => {
  const describeImages: Ec2["describeImages"] = async (query) =>
    (await cloud.describeImages(query)).map((image) =>
      image.tags["amicopy:run"] === runId(21)
        ? { ...image, usageOperation: "RunInstances", platformDetails: "Linux/UNIX" }
        : image,
    );
  const error = await failed(copyWith(21, { describeImages }));
  assert.equal(error.code, "product-failed");
  assert.match(
    error.message,
    /^image ami-\S+, made of licence donor i-\S+, came out other than asked: its licence is Linux\/UNIX \(RunInstances\) and not Windows \(RunInstances:0002\)$/,
  );
  assert.match(error.hint ?? "", /licenseDonorAmiId/);
  await assertOnlyFinished();
  await sweep(21);
});

test("a donor that ends by itself, and one that never stops, fail with its id and the limit", async () => {
  const stopInstance: Ec2["stopInstance"] = (instanceId) => cloud.terminateInstance(instanceId);
  const ended = await failed(copyWith(22, { stopInstance }));
  assert.match(
    ended.message,
    /^licence donor i-\S+ in us-gov-west-1 is (shutting-down|terminated)/,
  );
  const limits = { ...QUICK, stopMs: 300 };
  const late = await failed(copyWith(22, { stopInstance: async () => undefined }, { limits }));
  assert.equal(late.code, "timed-out");
  assert.match(
    late.message,
    /^gave up waiting for licence donor i-\S+ in us-gov-west-1 to be stopped after 0\.3 s$/,
  );
  await assertOnlyFinished();
  await sweep(22);
});

test("a lost answer of CreateImage is no second image; an instance not yet known as stopped is waited for", async () => {
  let tries = 0;
  const createImage: Ec2["createImage"] = async (asked) => {
    tries += 1;
    if (tries === 1) throw broken("CreateImage", "in-use", "InvalidParameterValue");
    await cloud.createImage(asked);
    throw broken("CreateImage", "unreachable", "TimeoutError");
  };
  const { image } = await copyWith(23, { createImage });
  assert.equal(tries, 2);
  const own = await cloud.describeImages({ owner: "self", tags: { "amicopy:run": runId(23) } });
  assert.deepEqual(
    own.map(({ imageId }) => imageId),
    [image.imageId],
  );
  await removeImage(image, cloud, PACE);
  assert.deepEqual(await licensed.leftovers(), []);
});

test("a taken name is used with the run's id", async () => {
  const first = await copyWith(24, {});
  const second = await copyWith(25, {});
  assert.equal(second.image.name, "golden windows-0000000");
  for (const { image } of [first, second]) await removeImage(image, cloud, PACE);
  assert.deepEqual(await licensed.leftovers(), []);
});

test("killed at any point of the licensing, the sweep removes every leftover", async () => {
  const points = [
    "stopInstance",
    "createVolume",
    "attachVolume",
    "createImage",
    "setTags",
  ] as const;
  for (const [index, verb] of points.entries()) {
    const number = 32 + index;
    // Nothing more is done from here on, as after a kill: no undo, no clean-up, no claim.
    let isDead = false;
    const dead = async (): Promise<never> => {
      throw broken("killed", "denied", "Killed");
    };
    const mortal = new Proxy(cloud, {
      get(target, name: keyof Ec2) {
        const value = Reflect.get(target, name);
        if (typeof value !== "function" || KNOWN_WITHOUT_A_CALL.has(name)) return value;
        return async (...args: never[]) => {
          if (isDead) return dead();
          const answer = await (value as (...args: never[]) => Promise<unknown>)(...args);
          const isSnapshotTag = name !== "setTags" || String(args[0]).includes("snap-");
          if (name === verb && isSnapshotTag) isDead = true;
          return answer;
        };
      },
    });
    const context = await bench.context("good");
    const clouds = { ...context.clouds, destination: mortal };
    const identity = await bench.identity(runId(number));
    const error = await failed(copyImage(request, identity, { ...context, clouds }));
    assert.notDeepEqual(error.leftBehind, [], verb);
    const left = (await licensed.leftovers()).map((line) => line.split(" ")[0]);
    assert.ok(left.includes("instance"), `${verb}: ${left}`);
    await sweep(number);
  }
});

const REFUSED = [
  [
    "boot mode and TPM of another Windows",
    "Windows_Server-2022-English-Full-Base-2026.11.11",
    /cannot lend its licence .*: its boot mode is legacy-bios and not uefi; its TPM is none and not v2\.0\.$/,
  ],
  ["another system", "RHEL-8.10.0_HVM-2026.11.11", /its licence is Red Hat Enterprise Linux /],
] as const;

for (const [what, name, message] of REFUSED) {
  test(`a given donor of ${what} is refused before anything is made`, async () => {
    const [donor] = await cloud.describeImages({ owner: "amazon", name });
    assert.ok(donor);
    const given = { ...request, licenseDonorAmiId: donor.imageId };
    const { problems } = await preflight(given, bench.clouds());
    assert.deepEqual(
      problems.map(({ property }) => property),
      ["licenseDonorAmiId"],
    );
    assert.match(problems[0]?.message ?? "", message);
    assert.deepEqual(await licensed.leftovers(), []);
  });
}

test("no donor to be found, one that is not there, one for plain Linux: each has its sentence", async () => {
  const of = async (changes: object, sourceAmiId = request.sourceAmiId) =>
    (await preflight({ ...request, sourceAmiId, ...changes }, bench.clouds())).problems;
  const [absent] = await of({ licenseDonorAmiId: "ami-00000000" });
  assert.match(absent?.message ?? "", /^ami-00000000 does not exist in us-gov-west-1/);
  const [needless] = await of({ licenseDonorAmiId: "ami-00000000" }, bench.imageId);
  assert.match(needless?.message ?? "", /is plain Linux: its copy needs no licence/);
  const odd = await licensed.importSource("odd", { ...RED_HAT, tpmSupport: "v2.0" });
  const [none] = await of({}, odd.sourceAmiId);
  assert.match(none?.message ?? "", /none can lend that licence to a copy of its kind/);
  const old = await licensed.importSource("old", { ...RED_HAT, enaSupport: false });
  const [unfit] = await of({}, old.sourceAmiId);
  assert.match(unfit?.message ?? "", /has no support for ENA/);
});
