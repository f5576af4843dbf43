/** A disk that somebody uses is not copied, not written, and not taken for a new one. */

import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import {
  closeSync,
  existsSync,
  mkdtempSync,
  openSync,
  rmSync,
  truncateSync,
  writeFileSync,
  writeSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { openSource, openTarget } from "../../tsunami/sealed/open-volume.ts";

const SIZE_BYTES = 16 << 20;

const folder = mkdtempSync(join(tmpdir(), "amicopy-disk-"));
const image = join(folder, "image.raw");
writeFileSync(image, "");
truncateSync(image, SIZE_BYTES);
const loop =
  process.getuid?.() === 0 && existsSync("/dev/loop-control")
    ? spawnSync("losetup", ["--find", "--show", image], { encoding: "utf8" }).stdout?.trim()
    : undefined;
const skip = loop?.startsWith("/dev/loop") ? false : "needs root and a loop device";

test.after(() => {
  if (!skip && loop) spawnSync("losetup", ["--detach", loop]);
  rmSync(folder, { recursive: true, force: true });
});

test("a block device that is held, as by a mount, is no source; what we hold nobody can mount", {
  skip,
}, async () => {
  const volume = { path: loop ?? "", sizeBytes: SIZE_BYTES };
  // The kernel gives a device to a mount, to swap and to us in the same way: to one at a time.
  const { handle } = await openSource(volume);
  await assert.rejects(openSource(volume), { code: "disk-io", message: /EBUSY/ });
  await handle.close();
  const again = await openSource(volume);
  await again.handle.close();
});

test("a block device that is held is no target either, not even of another volume", {
  skip,
}, async () => {
  const volume = { path: loop ?? "", sizeBytes: SIZE_BYTES };
  const { handle } = await openTarget(volume);
  await assert.rejects(openTarget(volume), { code: "disk-io", message: /EBUSY/ });
  await handle.close();
});

test("a target that may have been used is not taken for blank, however it looks", {
  skip,
}, async () => {
  const device = openSync(loop ?? "", "r+");
  // Between the places where a new disk is looked at.
  writeSync(device, Buffer.alloc(512, 1), 0, 512, (2 << 20) + 8192);
  closeSync(device);
  const volume = { path: loop ?? "", sizeBytes: SIZE_BYTES };
  for (const isUsed of [false, true]) {
    const { blank, handle } = await openTarget({ ...volume, isUsed });
    assert.equal(blank, !isUsed);
    await handle.close();
  }
});

test("files, and devices that are streams, may be read by several", async () => {
  for (const path of [image, "/dev/zero"]) {
    const both = [await openSource({ path, sizeBytes: SIZE_BYTES })];
    both.push(await openSource({ path, sizeBytes: SIZE_BYTES }));
    for (const { handle } of both) await handle.close();
  }
});
