import assert from "node:assert/strict";
import { open, readdir, readFile, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import {
  cloneDisk,
  createDisk,
  DiskError,
  exportDisk,
  GIB_BYTES,
  importDisk,
} from "../../../localcloud/machines/disks.ts";
import { temporaryDirectory } from "./booted.ts";

const MIB = 1024 ** 2;

async function writeAt(path: string, offset: number, data: Buffer): Promise<void> {
  const file = await open(path, "r+");
  await file.write(data, 0, data.length, offset);
  await file.close();
}

async function readAt(path: string, offset: number, length: number): Promise<Buffer> {
  const file = await open(path, "r");
  const { buffer } = await file.read(Buffer.alloc(length), 0, length, offset);
  await file.close();
  return buffer;
}

async function usedBytes(path: string): Promise<number> {
  return (await stat(path)).blocks * 512;
}

test("a new disk is all holes, and never takes the place of another", async (t) => {
  const path = join(await temporaryDirectory(t), "vol-1");
  await createDisk(path, 8 * GIB_BYTES);
  assert.equal((await stat(path)).size, 8 * GIB_BYTES);
  assert.equal(await usedBytes(path), 0);
  await assert.rejects(createDisk(path, GIB_BYTES), { code: "EEXIST" });
  await assert.rejects(createDisk(`${path}x`, -1), DiskError);
});

test("a clone is equal, keeps holes, makes zeros holes, and is independent", async (t) => {
  const directory = await temporaryDirectory(t);
  const [from, to] = [join(directory, "from"), join(directory, "to")];
  await createDisk(from, 4 * GIB_BYTES);
  await writeAt(from, 0, Buffer.alloc(MIB, 1));
  await writeAt(from, 100 * MIB, Buffer.alloc(4 * MIB));
  await writeAt(from, 4 * GIB_BYTES - 3, Buffer.from("end"));
  await cloneDisk(from, to);
  assert.equal((await stat(to)).size, 4 * GIB_BYTES);
  assert.ok((await usedBytes(to)) < 2 * MIB);
  assert.deepEqual(await readAt(to, 0, MIB), Buffer.alloc(MIB, 1));
  assert.equal(String(await readAt(to, 4 * GIB_BYTES - 3, 3)), "end");
  await writeAt(from, 0, Buffer.from("changed"));
  assert.deepEqual(await readAt(to, 0, 7), Buffer.alloc(7, 1));
  assert.deepEqual((await readdir(directory)).sort(), ["from", "to"]);
});

test("a clone that fails or is given up leaves nothing and says what was copied", async (t) => {
  const directory = await temporaryDirectory(t);
  const [from, to] = [join(directory, "from"), join(directory, "to")];
  await assert.rejects(cloneDisk(from, to), /copying the disk .*from.*No such file/);
  await writeFile(from, Buffer.alloc(MIB, 1));
  await assert.rejects(cloneDisk(from, to, AbortSignal.abort()), DiskError);
  assert.deepEqual(await readdir(directory), ["from"]);
});

test("an imported disk is padded with zeros to whole GiB", async (t) => {
  const directory = await temporaryDirectory(t);
  const [from, to] = [join(directory, "small.raw"), join(directory, "vol")];
  await writeFile(from, Buffer.alloc(MIB + 1, 7));
  assert.equal(await importDisk(from, to), GIB_BYTES);
  assert.equal((await stat(to)).size, GIB_BYTES);
  assert.deepEqual(await readAt(to, MIB, 2), Buffer.from([7, 0]));
  await createDisk(join(directory, "whole.raw"), 2 * GIB_BYTES);
  assert.equal(await importDisk(join(directory, "whole.raw"), `${to}2`), 2 * GIB_BYTES);
});

test("what is no raw disk is refused with what to do", async (t) => {
  const directory = await temporaryDirectory(t);
  const path = join(directory, "disk");
  await assert.rejects(importDisk(path, `${path}.to`), /disk file .*disk cannot be read/);
  await writeFile(path, "");
  await assert.rejects(importDisk(path, `${path}.to`), /is empty/);
  await writeFile(path, Buffer.from("QFI\xfb and more", "latin1"));
  await assert.rejects(importDisk(path, `${path}.to`), /qcow2 image.*qemu-img convert -O raw/);
  await assert.rejects(importDisk(directory, `${path}.to`), /not a regular file/);
});

test("an export gives the file back, in place of an older one but not of a folder", async (t) => {
  const directory = await temporaryDirectory(t);
  const [from, to] = [join(directory, "snap"), join(directory, "out.raw")];
  await writeFile(from, "new");
  await writeFile(to, "older and longer");
  await exportDisk(from, to);
  assert.equal(await readFile(to, "utf8"), "new");
  await assert.rejects(exportDisk(from, directory), /not a regular file/);
});
