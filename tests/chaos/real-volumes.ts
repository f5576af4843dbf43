/** One copy of many volumes with real helpers, each proved by its digest; too long for `npm test`. */

import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import type { HelperSide } from "../../agent/contract.ts";
import { copyImage } from "../../dynamic-providers/workflow/copy-image.ts";
import { removeImage } from "../../dynamic-providers/workflow/remove-image.ts";
import { systemClock } from "../../dynamic-providers/workflow/run-context.ts";
import { bundleAgent, makeUserData } from "../../tools/build.ts";
import { openCloudBench, QUICK, runId } from "../dynamic-providers/workflow/cloud-bench.ts";
import { digestOf, imageWith } from "../dynamic-providers/workflow/many-volumes-bench.ts";

/** @param count - 31 is what the largest type of ours holds. */
export async function copyRealVolumes(count: number): Promise<void> {
  await using bench = await openCloudBench();
  const request = await imageWith(bench, count);
  const boot = await readFile(new URL("../../agent/boot.sh", import.meta.url), "utf8");
  const template = async (side: HelperSide) => makeUserData(boot, (await bundleAgent(side)).code);
  const userDataTemplates = {
    source: await template("source"),
    destination: await template("destination"),
  };
  const context = await bench.context("good", { userDataTemplates });
  const startMs = performance.now();
  const { image } = await copyImage(request, await bench.identity(runId(1)), context);
  const seconds = Math.round((performance.now() - startMs) / 1000);
  assert.equal(image.snapshots.length, count);
  for (const { deviceName, digest } of image.snapshots) {
    assert.equal(digest, digestOf(deviceName), deviceName);
  }
  await removeImage(image, bench.clouds().destination, { clock: systemClock, limits: QUICK });
  assert.deepEqual(await bench.leftovers(), []);
  console.log(`chaos: ${count} volumes of 1 GiB copied, each with its digest, in ${seconds} s`);
}
