/** The documented ways to a digest, run as they stand in the document, against the engine's own. */

import assert from "node:assert/strict";
import { execFile, spawnSync } from "node:child_process";
import { randomBytes } from "node:crypto";
import {
  closeSync,
  ftruncateSync,
  openSync,
  readFileSync,
  writeFileSync,
  writeSync,
} from "node:fs";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { promisify } from "node:util";
import { leafDigest, VolumeDigest } from "../../tsunami/sealed/digest.ts";
import { temporaryDirectory } from "../localcloud/machines/booted.ts";

const MIB = 2 ** 20;
const run = promisify(execFile);
const DOCUMENT = readFileSync(new URL("../../docs/digest.md", import.meta.url), "utf8");

function script(language: string): string {
  const [, text] = new RegExp(`\`\`\`${language}\n([\\s\\S]*?)\`\`\``).exec(DOCUMENT) ?? [];
  assert.ok(text !== undefined, `docs/digest.md has a script in ${language}`);
  return text;
}

/** Data, a hole, data across leaves, zeros, and a last leaf that is not whole. */
async function makeDisk(context: TestContext): Promise<string> {
  const path = join(await temporaryDirectory(context), "disk.raw");
  const disk = openSync(path, "w");
  writeSync(disk, randomBytes(1000), 0, 1000, 0);
  writeSync(disk, randomBytes(3 * MIB), 0, 3 * MIB, 5 * MIB - 77);
  ftruncateSync(disk, 10 * MIB + 512);
  closeSync(disk);
  return path;
}

function digestOf(path: string): string {
  const bytes = readFileSync(path);
  const digest = new VolumeDigest();
  for (let offset = 0; offset < bytes.length; offset += MIB) {
    digest.add(leafDigest(bytes.subarray(offset, offset + MIB)));
  }
  return digest.finish();
}

test("the documented three lines give the engine's digest", async (context) => {
  const disk = await makeDisk(context);
  const text = script("node");
  assert.equal(text.trimEnd().split("\n").length, 3);
  const file = join(await temporaryDirectory(context), "digest.cjs");
  writeFileSync(file, text);
  const { stdout } = await run(process.execPath, [file, disk]);
  assert.equal(stdout.trim(), digestOf(disk));
});

const tools =
  spawnSync("openssl", ["version"]).status === 0 &&
  String(spawnSync("split", ["--version"]).stdout).includes("GNU");

test("so does the documented pipeline", { skip: !tools }, async (context) => {
  const disk = await makeDisk(context);
  const { stdout } = await run("sh", ["-c", script("sh")], { env: { ...process.env, DISK: disk } });
  assert.equal(stdout.split(" ")[0], digestOf(disk));
});
