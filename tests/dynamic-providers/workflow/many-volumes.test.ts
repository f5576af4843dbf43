/** As many volumes as a helper can hold, and one more. With real helpers: `npm run chaos -- --volumes 31`. */

import assert from "node:assert/strict";
import { after, test } from "node:test";
import type { Ec2 } from "../../../dynamic-providers/ec2/ec2.ts";
import { userDataTemplates } from "../../../dynamic-providers/user-data-template.ts";
import { copyImage } from "../../../dynamic-providers/workflow/copy-image.ts";
import type { CopyRequest } from "../../../dynamic-providers/workflow/copy-request.ts";
import { deviceNames, helperJob } from "../../../dynamic-providers/workflow/helper-job.ts";
import { defaultLimits } from "../../../dynamic-providers/workflow/limits.ts";
import { checkJob } from "../../../dynamic-providers/workflow/preflight/check-job.ts";
import { preflight } from "../../../dynamic-providers/workflow/preflight.ts";
import { removeImage } from "../../../dynamic-providers/workflow/remove-image.ts";
import { systemClock } from "../../../dynamic-providers/workflow/run-context.ts";
import { userDataFor } from "../../../dynamic-providers/workflow/user-data.ts";
import { exchange, openCloudBench, QUICK, runId } from "./cloud-bench.ts";
import { contentOf, imageWith, sha256 } from "./many-volumes-bench.ts";

const bench = await openCloudBench();
after(() => bench[Symbol.asyncDispose]());

/** A c8g takes 32, of which the helper's own root is one. */
const MOST = 31;

test(`${MOST} volumes are copied by one pair of helpers, each to its own device`, async () => {
  const request = await imageWith(bench, MOST);
  const context = await bench.context("good");
  const { image } = await copyImage(request, await bench.identity(runId(1)), context);
  assert.equal(image.snapshots.length, MOST);
  for (const { deviceName, digest } of image.snapshots) {
    // As the stand-in makes it: of the first MiB, read from the destination's disk.
    assert.equal(digest, sha256(contentOf(deviceName)).toString("hex"), deviceName);
  }
  const { destination } = bench.clouds();
  const [made] = await destination.describeImages({ imageIds: [image.imageId] });
  assert.equal(made?.blockDevices.length, MOST);
  const snapshotOf = new Map(image.snapshots.map((one) => [one.deviceName, one.snapshotId]));
  for (const device of made?.blockDevices ?? []) {
    const { deviceName } = device;
    assert.equal(device.kind === "snapshot" && device.snapshotId, snapshotOf.get(deviceName));
  }
  const last = image.snapshots.at(-1);
  const bytes = await bench.firstMib("us-gov-west-1", last?.snapshotId ?? "");
  assert.ok(contentOf(last?.deviceName ?? "").equals(bytes));
  await removeImage(image, destination, { clock: systemClock, limits: QUICK });
  assert.deepEqual(await bench.leftovers(), []);
});

test("one more is refused before anything is made, with what each type holds", async () => {
  const { problems } = await preflight(await imageWith(bench, MOST + 1), bench.clouds());
  assert.deepEqual(
    problems.map(({ property }) => property),
    ["sourceAmiId", "sourceAmiId"],
  );
  const [here, there] = problems.map(({ message }) => message);
  assert.match(here ?? "", /: 32 volumes do not fit on one helper in us-east-1: besides its root /);
  assert.match(there ?? "", /in us-gov-west-1: besides its root .*c8g\.large holds 31/);
  assert.match(problems[0]?.hint ?? "", /instance type that holds more EBS volumes/);
});

test("what does not fit into a helper's user data is refused with its bytes, by both sides", async () => {
  const count = 60;
  const request = await imageWith(bench, count);
  // A type of those that hold 128, and no two volumes of a size: each takes room of its own.
  const roomy = (cloud: Ec2) =>
    exchange(cloud, {
      describeInstanceTypes: async (names) =>
        (await cloud.describeInstanceTypes(names)).map((type) => ({
          ...type,
          maximumVolumes: 128,
        })),
      describeSnapshots: async (query) =>
        (await cloud.describeSnapshots(query)).map((snapshot, index) => ({
          ...snapshot,
          volumeSizeGib: 1 + ((index * 7919) % 16_000),
        })),
    });
  const { source, destination } = bench.clouds();
  const clouds = { source: roomy(source), destination };
  const templates = await userDataTemplates();
  const tried = async (changes: Partial<CopyRequest> = {}) => {
    const launch = { userDataTemplates: templates, limits: defaultLimits };
    const both = { ...clouds, destination: roomy(destination) };
    return (await preflight({ ...request, ...changes }, both, undefined, { launch })).problems;
  };
  const lines = (await tried()).filter(({ message }) => message.includes("user data"));
  assert.equal(lines.length, 1, "of the source, whose program is larger");
  const [, bytes = ""] =
    /: the user data of the source helper for 60 volumes would have (\d+) bytes, and EC2 takes 16384\.$/.exec(
      lines[0]?.message ?? "",
    ) ?? [];
  assert.ok(Number(bytes) > 16_384 && Number(bytes) < 18_000, bytes);
  assert.match(lines[0]?.hint ?? "", /^Copy an image with fewer volumes, or .* sizes/);
  const debug = { keyName: "k", sshFrom: "192.0.2.7", keepMinutes: 60 };
  const hints = (await tried({ helper: { source: { debug }, destination: {} } })).map(
    ({ hint }) => hint,
  );
  assert.ok(hints.some((hint) => /^Leave out helper\.source\.debug, or copy/.test(hint)));
});

test("what preflight finds to fit is what the launch packs, and names for devices end", async () => {
  const launch = { userDataTemplates: await userDataTemplates(), limits: defaultLimits };
  const check = (volumes: readonly { sizeGib: number }[]) =>
    checkJob(bench.request, { side: "source", volumes, listens: true }, launch);
  const volumes = (count: number) =>
    Array.from({ length: count }, (_, index) => ({ sizeGib: 8 + 73 * index * index }));
  let most = 1;
  while (check(volumes(most + 1)).length === 0) most += 1;
  const packed = (count: number) => {
    const names = deviceNames(count);
    const named = volumes(count).map((volume, index) => ({
      ...volume,
      deviceName: names[index] ?? "",
    }));
    const plan = { runId: "0f1e2d3c4b5a6978", attempt: 1, side: "source", listens: true } as const;
    const job = helperJob(bench.request, { ...plan, volumes: named, limits: defaultLimits });
    return userDataFor(launch.userDataTemplates.source, job, { maxBytes: 16_384 }).length;
  };
  assert.ok(packed(most) <= 16_384);
  assert.throws(() => packed(most + 1), /EC2 takes 16384/);
  assert.ok(most > MOST, `${most}: more than any type holds that we choose ourselves`);
  const same = (count: number) => Array<{ sizeGib: number }>(count).fill({ sizeGib: 8 });
  assert.match(check(same(74))[0]?.message ?? "", /: 74 volumes are more than the 73 /);
});
