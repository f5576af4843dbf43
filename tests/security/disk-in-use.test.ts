/** A helper that was booted from the disk that it should copy, or mounts it, copies nothing. */

import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { existsSync, mkdtempSync, rmSync, truncateSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { openSource } from "../../tsunami/sealed/open-volume.ts";

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

test("files, and devices that are streams, may be read by several", async () => {
  for (const path of [image, "/dev/zero"]) {
    const both = [await openSource({ path, sizeBytes: SIZE_BYTES })];
    both.push(await openSource({ path, sizeBytes: SIZE_BYTES }));
    for (const { handle } of both) await handle.close();
  }
});
