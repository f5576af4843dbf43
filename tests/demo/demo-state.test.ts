/** The demo's folder: whose it is, and what is never removed with it. */

import assert from "node:assert/strict";
import { execFile, spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { promisify } from "node:util";

const MODULE = join(import.meta.dirname, "../../demo/demo-state.ts");

function folder(t: TestContext): string {
  const path = mkdtempSync(join(tmpdir(), "amicopy-demo-state-"));
  t.after(() => rmSync(path, { recursive: true, force: true }));
  return path;
}

/** What a process says that has this folder for its demo. @param call - `module` is the demo's state. */
async function within(directory: string, call: string): Promise<string> {
  const script = `const module = await import(${JSON.stringify(MODULE)}); ${call}`;
  const { stdout } = await promisify(execFile)(
    process.execPath,
    ["--input-type=module", "-e", script],
    { env: { ...process.env, AMICOPY_DEMO_DIRECTORY: directory } },
  );
  return stdout.trim();
}

test("an empty variable means the folder that none means, and not the whole checkout", async () => {
  const path = await within("", "console.log(module.DEMO_DIRECTORY)");
  assert.match(path, /\/\.amicopy\/demo$/);
});

test("a folder with what is somebody else's is neither used nor removed", async (t) => {
  const directory = folder(t);
  writeFileSync(join(directory, "letter.txt"), "dear");
  for (const call of ["beginDemo", "endDemo"]) {
    await assert.rejects(within(directory, `await module.${call}()`), /holds what is not a demo's/);
  }
  assert.ok(existsSync(join(directory, "letter.txt")));
});

test("a demo's own folder is begun anew and removed", async (t) => {
  const directory = join(folder(t), "demo");
  await within(directory, "await module.beginDemo()");
  writeFileSync(join(directory, "disk.raw"), "of the demo before");
  await within(directory, "await module.beginDemo()");
  assert.ok(!existsSync(join(directory, "disk.raw")));
  await within(directory, "await module.endDemo()");
  assert.ok(!existsSync(directory));
});

test("while another demo is at work none begins, and nobody ends it", async (t) => {
  const directory = join(folder(t), "demo");
  await within(directory, "await module.beginDemo()");
  // Its command line says that it is a demo.
  const other = spawn(process.execPath, ["-e", "setTimeout(() => {}, 60_000)", "demo/main.ts"]);
  t.after(() => other.kill("SIGKILL"));
  await once(other, "spawn");
  writeFileSync(join(directory, ".amicopy-demo"), String(other.pid));
  for (const call of ["beginDemo", "endDemo"]) {
    await assert.rejects(
      within(directory, `await module.${call}()`),
      new RegExp(`Another demo is at work \\(process ${other.pid}\\): wait`),
    );
  }
  // What a demo does that has failed.
  await within(directory, "await module.endOwnDemo()");
  assert.ok(existsSync(directory));

  other.kill("SIGKILL");
  await once(other, "exit");
  await within(directory, "await module.beginDemo()");
});
