/** As many volumes as a helper can hold, and one more. */

import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { open } from "node:fs/promises";
import { join } from "node:path";
import { after, test } from "node:test";
import { copyImage } from "../../../dynamic-providers/workflow/copy-image.ts";
import { deviceNames } from "../../../dynamic-providers/workflow/launch-helper.ts";
import { preflight } from "../../../dynamic-providers/workflow/preflight.ts";
import { removeImage } from "../../../dynamic-providers/workflow/remove-image.ts";
import { systemClock } from "../../../dynamic-providers/workflow/run-context.ts";
import { openCloudBench, QUICK, runId } from "./cloud-bench.ts";

const bench = await openCloudBench();
after(() => bench[Symbol.asyncDispose]());

/** A c8g takes 32, of which the helper's own root is one. */
const MOST = 31;
const GIB = 2 ** 30;
const DEVICES = ["/dev/xvda", ...deviceNames(MOST)];
const contentOf = (device: string) => Buffer.alloc(2 ** 20, `bytes of ${device} `);

async function imageWith(count: number) {
  const disks = [];
  for (const deviceName of DEVICES.slice(0, count)) {
    const path = join(bench.directory, `${deviceName.replaceAll("/", "_")}.raw`);
    const file = await open(path, "w");
    await file.write(contentOf(deviceName));
    await file.truncate(GIB);
    await file.close();
    disks.push({ deviceName, path });
  }
  const place = { region: "us-east-1", name: `${count} volumes` };
  const { imageId, snapshotIds } = await bench.cloud.importImage({ ...place, disks });
  bench.spare(imageId, ...snapshotIds);
  return { ...bench.request, sourceAmiId: imageId };
}

test(`${MOST} volumes are copied by one pair of helpers, each to its own device`, async () => {
  const request = await imageWith(MOST);
  const context = await bench.context("good");
  const { image } = await copyImage(request, await bench.identity(runId(1)), context);
  assert.equal(image.snapshots.length, MOST);
  for (const { deviceName, digest } of image.snapshots) {
    // As the stand-in makes it: of the first MiB, read from the destination's disk.
    const expected = createHash("sha256").update(contentOf(deviceName)).digest("hex");
    assert.equal(digest, expected, deviceName);
  }
  const { destination } = bench.clouds();
  const [made] = await destination.describeImages({ imageIds: [image.imageId] });
  const snapshotOf = new Map(image.snapshots.map((one) => [one.deviceName, one.snapshotId]));
  for (const device of made?.blockDevices ?? []) {
    assert.equal(
      device.kind === "snapshot" && device.snapshotId,
      snapshotOf.get(device.deviceName),
    );
  }
  const last = image.snapshots.at(-1);
  const bytes = await bench.firstMib("us-gov-west-1", last?.snapshotId ?? "");
  assert.ok(contentOf(last?.deviceName ?? "").equals(bytes));
  await removeImage(image, destination, { clock: systemClock, limits: QUICK });
  assert.deepEqual(await bench.leftovers(), []);
});

test("one more is refused before anything is made, with what each type holds", async () => {
  const request = await imageWith(MOST + 1);
  const { problems } = await preflight(request, bench.clouds());
  assert.deepEqual(
    problems.map(({ property }) => property),
    ["sourceAmiId", "sourceAmiId"],
  );
  const [here, there] = problems.map(({ message }) => message);
  assert.match(here ?? "", /: 32 volumes do not fit on one helper in us-east-1: besides its root /);
  assert.match(there ?? "", /in us-gov-west-1: besides its root .*c8g\.large holds 31/);
  assert.match(problems[0]?.hint ?? "", /instance type that holds more EBS volumes/);
});
