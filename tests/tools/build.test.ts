/** The build: what is in the agent's bundle, how large it gets, and that builds do not disturb each other. */

import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { builtinModules } from "node:module";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { promisify } from "node:util";
import { brotliDecompressSync } from "node:zlib";
import { parseJob } from "../../agent/job.ts";
import { bundleAgent, largestJob, makeUserData, userDataSizeBytes } from "../../tools/build.ts";

const ROOT = join(import.meta.dirname, "../..");
const BOOT_SCRIPT = readFileSync(join(ROOT, "agent/boot.sh"), "utf8");

function temporaryFolder(context: TestContext): string {
  const folder = mkdtempSync(join(tmpdir(), "amicopy-build-"));
  context.after(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

const SIDES = ["source", "destination"] as const;

for (const side of SIDES) {
  test(`the bundle of the ${side} has agent/ and its half of the sealed engine in it, nothing of classic, no npm package`, async () => {
    const { inputs } = await bundleAgent(side);
    const [role, other] = side === "source" ? ["sender", "receiver"] : ["receiver", "sender"];
    assert.ok(inputs.includes(`agent/${side}.ts`));
    assert.ok(inputs.includes(`tsunami/sealed/${role}.ts`));
    assert.ok(!inputs.includes(`tsunami/sealed/${other}.ts`));
    for (const input of inputs) {
      assert.match(input, /^(agent\/|tsunami\/(?!classic\/))/, `${input} has no place on a helper`);
    }
  });
}

test("the bundle imports what every Node has, and nothing else", async () => {
  const bundles = await Promise.all(SIDES.map(bundleAgent));
  const code = bundles.map((bundle) => bundle.code).join("\n");
  const imported = [...code.matchAll(/(?:from|import)\s*\(?"([^"]+)"/g)].map(([, name]) => name);
  assert.ok(imported.length > 0);
  assert.doesNotMatch(code, /from"node:ffi"/);
  for (const name of imported) {
    // Asked for at run time: without it the plain socket does.
    if (name === "node:ffi") continue;
    assert.ok(builtinModules.includes(String(name).replace(/^node:/, "")), `${name} is no builtin`);
  }
});

test("user data with the largest job fits into what EC2 takes", async () => {
  for (const side of SIDES) {
    const { code } = await bundleAgent(side);
    const sizeBytes = userDataSizeBytes(makeUserData(BOOT_SCRIPT, code));
    assert.ok(sizeBytes <= 16_384, `${side}: ${sizeBytes} bytes`);
  }
  assert.deepEqual(parseJob(JSON.stringify(largestJob())), largestJob());
});

test("the boot script's comments and indentation are dropped, its first line is not; the bundle is packed", () => {
  const text = makeUserData("#!/bin/sh\n# why\n  # more\n\n  code # here\n@AGENT@\n@JOB@\n", "1+1");
  const [packed, ...others] = text.match(/(?<=^code # here\n).*$/m) ?? [];
  assert.deepEqual(others, []);
  assert.equal(brotliDecompressSync(Buffer.from(packed ?? "", "base64")).toString(), "1+1");
  assert.equal(text, `#!/bin/sh\ncode # here\n${packed}\n@JOB@\n`);
});

test("a boot script without its marks is refused", () => {
  assert.throws(() => makeUserData("#!/bin/sh\n@JOB@", "1"), /one @AGENT@/);
  assert.throws(() => makeUserData("#!/bin/sh\n@AGENT@@AGENT@@JOB@", "1"), /one @AGENT@/);
  assert.throws(() => makeUserData("#!/bin/sh\n@AGENT@", "1"), /one @JOB@/);
});

test("builds at the same time leave one whole result and nothing else", async (context) => {
  const folder = temporaryFolder(context);
  const out = join(folder, "dist");
  const build = () =>
    promisify(execFile)(process.execPath, [join(ROOT, "tools/build.ts"), "--out", out]);
  const [first] = await Promise.all([build(), build()]);
  assert.match(first.stdout, /agent of the source: \d+ bytes \(gzip \d+\)/);
  assert.deepEqual(readdirSync(folder), ["dist"]);
  const userData = readFileSync(join(out, "agent/source.sh"), "utf8");
  assert.match(userData, /^#!\/bin\/sh\n/);
  assert.equal(userData.split("@JOB@").length, 2);
  assert.ok(statSync(join(out, "components/copied-ami.d.ts")).size > 0);

  writeFileSync(join(out, "stale.js"), "");
  await build();
  assert.ok(!readdirSync(out).includes("stale.js"), "what is no longer made is removed");
});
