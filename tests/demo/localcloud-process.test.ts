/** Whatever becomes of the demo, its localcloud does not stay alone. */

import assert from "node:assert/strict";
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type TestContext, test } from "node:test";

const DEMO = join(import.meta.dirname, "../../demo");

/** A localcloud is there in a second; one that stays does so for ever. */
const END_LIMIT_MS = 30_000;

function folder(t: TestContext): string {
  const path = mkdtempSync(join(tmpdir(), "amicopy-demo-cloud-"));
  t.after(() => rmSync(path, { recursive: true, force: true }));
  return path;
}

async function exitCodeOf(child: ChildProcess): Promise<number | null> {
  const tooLate = setTimeout(() => child.kill("SIGKILL"), END_LIMIT_MS);
  const [code] = (await once(child, "exit")) as [number | null];
  clearTimeout(tooLate);
  return code;
}

test("a localcloud that has no parent from the beginning ends itself", async (t) => {
  const directory = folder(t);
  const keeper = join(DEMO, "keep-localcloud.ts");
  const child = spawn(process.execPath, [keeper, join(directory, "cloud")], { stdio: "ignore" });
  assert.equal(await exitCodeOf(child), 0);
  assert.deepEqual(readdirSync(directory), []);
});

test("a localcloud that cannot be written down is ended, and the demo with it", async (t) => {
  const directory = folder(t);
  // As a full disk does it: the file cannot be written.
  mkdirSync(join(directory, "demo.json"));
  const script = join(directory, "demo.mjs");
  writeFileSync(
    script,
    `import { LocalcloudProcess } from ${JSON.stringify(join(DEMO, "localcloud-process.ts"))};
    const failed = await LocalcloudProcess.start().catch(({ code }) => code);
    process.exitCode = failed === "EISDIR" ? 37 : 1;`,
  );
  const demo = spawn(process.execPath, [script], {
    env: { ...process.env, AMICOPY_DEMO_DIRECTORY: directory },
    stdio: "ignore",
  });
  assert.equal(await exitCodeOf(demo), 37);
  assert.ok(!existsSync(join(directory, "cloud")));
});
