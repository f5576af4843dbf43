import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { randomBytes } from "node:crypto";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, it } from "node:test";
import { compareDisks } from "../../demo/compare-disks.ts";

const MIB = 1024 ** 2;
const signal = new AbortController().signal;
let folder: string;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "amicopy-compare-"));
});
afterEach(() => rmSync(folder, { recursive: true }));

function disks(content: Buffer, copyContent: Buffer) {
  const path = join(folder, "disk.raw");
  const copyPath = join(folder, "copy.raw");
  writeFileSync(path, content);
  writeFileSync(copyPath, copyContent);
  return { path, copyPath, sizeBytes: content.length, signal };
}

it("finds the first byte that differs, wherever it is", async () => {
  const content = Buffer.concat([randomBytes(3 * MIB), Buffer.alloc(8 * MIB), randomBytes(MIB)]);
  for (const position of [0, 5, 8 * MIB - 1, 8 * MIB, content.length - 1]) {
    const copy = Buffer.from(content);
    copy[position] = (copy[position] ?? 0) ^ 1;
    const { firstDifference } = await compareDisks(disks(content, copy));
    assert.equal(firstDifference, position);
  }
});

it("finds no difference between equal disks, and the digest of the documented script", async () => {
  const content = Buffer.concat([randomBytes(MIB), Buffer.alloc(2 * MIB), randomBytes(7 * MIB)]);
  const options = disks(content, content);
  const { firstDifference, digest } = await compareDisks(options);
  assert.equal(firstDifference, undefined);

  const page = readFileSync(join(import.meta.dirname, "../../docs/digest.md"), "utf8");
  const script = join(folder, "digest.cjs");
  writeFileSync(
    script,
    /```\w+\n([^`]+)```/.exec(page)?.[1] ?? assert.fail("no script in the page"),
  );
  const output = execFileSync(process.execPath, [script, options.path], { encoding: "utf8" });
  assert.equal(output.trim(), digest);
});

it("says which disk is too short", async () => {
  const options = disks(randomBytes(MIB), randomBytes(MIB - 1));
  await assert.rejects(compareDisks(options), /copy\.raw ends at byte 1048575/);
});
