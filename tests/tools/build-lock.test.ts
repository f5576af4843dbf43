import assert from "node:assert/strict";
import { existsSync, mkdtempSync, readFileSync, rmSync, utimesSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { takeBuildLock } from "../../tools/build-lock.ts";

test("a lock of another machine is waited for, until no build can take that long", async (t) => {
  const directory = mkdtempSync(join(tmpdir(), "amicopy-lock-"));
  t.after(() => rmSync(directory, { recursive: true, force: true }));
  const path = join(directory, "lock");
  writeFileSync(path, JSON.stringify({ pid: 37, host: "a container that is gone" }));
  const waited: number[] = [];
  const take = (signal: AbortSignal) =>
    takeBuildLock({ path, onWait: (pid) => waited.push(pid), isDone: () => false, signal });
  await assert.rejects(take(AbortSignal.timeout(50)), { name: "AbortError" });
  assert.deepEqual(waited, [37]);
  const longAgo = Date.now() / 1000 - 61 * 60;
  utimesSync(path, longAgo, longAgo);
  const release = await take(AbortSignal.timeout(5_000));
  assert.equal(JSON.parse(readFileSync(path, "utf8")).pid, process.pid);
  release?.();
  assert.ok(!existsSync(path));
});
