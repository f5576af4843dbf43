/** As many volumes as a helper can hold, and one more. With real helpers: `npm run chaos -- --volumes 31`. */

import assert from "node:assert/strict";
import { after, test } from "node:test";
import { copyImage } from "../../../dynamic-providers/workflow/copy-image.ts";
import { preflight } from "../../../dynamic-providers/workflow/preflight.ts";
import { removeImage } from "../../../dynamic-providers/workflow/remove-image.ts";
import { systemClock } from "../../../dynamic-providers/workflow/run-context.ts";
import { openCloudBench, QUICK, runId } from "./cloud-bench.ts";
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
