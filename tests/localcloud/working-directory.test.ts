/** A localcloud's folder holds keys and the scripts that it runs: nobody else may have made it. */

import assert from "node:assert/strict";
import { mkdir, mkdtemp, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir, userInfo } from "node:os";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { openWorkingDirectory } from "../../localcloud/working-directory.ts";

const NAME = `amicopy-localcloud-${userInfo().uid}-7-${process.pid}`;

/** A temporary directory that others write to. */
async function sharedTemporary(t: TestContext): Promise<string> {
  const { TMPDIR: before } = process.env;
  const path = await mkdtemp(join(tmpdir(), "shared-"));
  process.env.TMPDIR = path;
  t.after(async () => {
    process.env.TMPDIR = before ?? "/tmp";
    await rm(path, { recursive: true });
  });
  return path;
}

test("a folder that somebody has laid in its way is not taken for its own", async (t) => {
  const shared = await sharedTemporary(t);
  await mkdir(join(shared, NAME));
  const working = await openWorkingDirectory(undefined, 7);
  assert.notEqual(working.path, join(shared, NAME));
  assert.equal((await stat(working.path)).mode & 0o777, 0o700);
  await working.remove();
});

test("its name cannot be known before", async (t) => {
  await sharedTemporary(t);
  const [first, second] = [
    await openWorkingDirectory(undefined, 7),
    await openWorkingDirectory(undefined, 7),
  ];
  assert.notEqual(first.path, second.path);
  await first.remove();
  await second.remove();
});

test("one that was killed is cleaned up after by the next, one that lives is not", async (t) => {
  const shared = await sharedTemporary(t);
  const living = await openWorkingDirectory(undefined, 7);
  const dead = join(shared, `amicopy-localcloud-${userInfo().uid}-8-AbCdEf`);
  await mkdir(dead);
  await writeFile(join(dead, "localcloud.pid"), "99999999\n");
  const next = await openWorkingDirectory(undefined, 9);
  await assert.rejects(stat(dead), { code: "ENOENT" });
  await stat(living.path);
  await living.remove();
  await next.remove();
});
