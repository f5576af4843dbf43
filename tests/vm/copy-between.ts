/** One copy by the workflow, with the user data of production, between two virtual machines. */

import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { open, readFile } from "node:fs/promises";
import { join } from "node:path";
import type { HelperSide } from "../../agent/contract.ts";
import { copyImage } from "../../dynamic-providers/workflow/copy-image.ts";
import { bundleAgent, makeUserData } from "../../tools/build.ts";
import { type CloudBench, QUICK, runId } from "../dynamic-providers/workflow/cloud-bench.ts";

const MINUTE_MS = 60_000;
const DATA_BYTES = 8 << 20;
const GIB = 2 ** 30;
/** What the emulated processor is; the first choice would be an ARM one. */
const HELPER = { instanceType: "c7i.xlarge" };

export async function copyBetween(
  bench: CloudBench,
  consoles: ReadonlyMap<string, string>,
  say: (text: string) => void,
): Promise<void> {
  const path = join(bench.directory, "noise.raw");
  await writeDisk(path);
  const disks = [{ deviceName: "/dev/xvda", path }];
  const golden = await bench.cloud.importImage({ region: "us-east-1", name: "real", disks });
  const request = {
    ...bench.request,
    sourceAmiId: golden.imageId,
    helper: { source: HELPER, destination: HELPER },
    timeoutMinutes: 40,
  };
  const told = new Map<string, string>();
  const context = await bench.context("good", {
    userDataTemplates: {
      source: await template("source"),
      destination: await template("destination"),
    },
    // A machine boots in a minute or three here, not in a second.
    limits: { ...QUICK, helloMs: 10 * MINUTE_MS, introductionMs: 10 * MINUTE_MS },
    report: (what, text) => {
      const step = text.replace(/\d+%.*/, "");
      if (told.get(what) !== step) say(`        ${what}: ${text}`);
      told.set(what, step);
    },
  });
  const { image } = await copyImage(request, await bench.identity(runId(7)), context);
  for (const [id, text] of consoles) {
    const kernel = evidence(text, /Linux version (\S+)/);
    const cloudInit = evidence(text, /(Cloud-init v\. \S+) running 'modules:final'/);
    say(
      `proved  ${id}: Linux ${kernel} and ${cloudInit} ran the user data, seen on its serial console`,
    );
    assert.match(text, /amicopy1 \d+ \{"type":"done"/);
  }
  assert.equal(consoles.size, 2);
  const copied = join(bench.directory, "copied.raw");
  const snapshotId = image.rootSnapshotId;
  await bench.cloud.exportSnapshot({ region: "us-gov-west-1", snapshotId, path: copied });
  assert.equal(await sha256(copied), await sha256(path));
  say("proved  disks found as /dev/sdf by udev's links to NVMe controllers; every byte is equal");
  say(`        ${image.bytesSent} bytes sent of ${DATA_BYTES} that do not compress`);
  const own = [golden.imageId, ...golden.snapshotIds, image.imageId, snapshotId];
  const left = (await bench.leftovers()).filter((line) => !own.some((id) => line.includes(id)));
  assert.deepEqual(left, []);
}

function evidence(text: string, pattern: RegExp): string {
  const [, found] = pattern.exec(text) ?? [];
  assert.ok(found !== undefined, `no ${pattern} on the console`);
  return found;
}

async function template(side: HelperSide): Promise<string> {
  const boot = await readFile(new URL("../../agent/boot.sh", import.meta.url), "utf8");
  return makeUserData(boot, (await bundleAgent(side)).code);
}

async function writeDisk(path: string): Promise<void> {
  const file = await open(path, "w");
  const noise = createHash("shake256", { outputLength: DATA_BYTES }).update("vm").digest();
  await file.write(noise, 0, DATA_BYTES / 2, 0);
  await file.write(noise, DATA_BYTES / 2, DATA_BYTES / 2, GIB - DATA_BYTES / 2);
  await file.truncate(GIB);
  await file.close();
}

async function sha256(path: string): Promise<string> {
  const hash = createHash("sha256");
  const file = await open(path);
  for await (const chunk of file.createReadStream({ highWaterMark: 4 << 20 })) hash.update(chunk);
  return hash.digest("hex");
}
