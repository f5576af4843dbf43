import assert from "node:assert/strict";
import { chmodSync, existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { delimiter, join } from "node:path";
import { test } from "node:test";
import { PLAIN } from "../../demo/source-kind.ts";

/** Writes its settings as `stack init` does, and is then interrupted. */
const INTERRUPTED_PULUMI = `#!/bin/sh
echo "encryptionsalt: v1" > Pulumi.demo.yaml
kill -INT $$
`;

test("an interrupted start of the stack leaves nothing beside the program", async (t) => {
  const directory = mkdtempSync(join(tmpdir(), "amicopy-demo-stack-"));
  t.after(() => rmSync(directory, { recursive: true, force: true }));
  const pulumi = join(directory, "pulumi");
  writeFileSync(pulumi, INTERRUPTED_PULUMI);
  chmodSync(pulumi, 0o755);
  process.env.AMICOPY_DEMO_DIRECTORY = join(directory, "demo");
  const { initializeStack } = await import("../../demo/pulumi-stack.ts");
  const { ROOT } = await import("../../demo/demo-state.ts");

  const settings = join(ROOT, "Pulumi.demo.yaml");
  // There may be somebody's own.
  const before = contentOf(settings);
  if (before === undefined) t.after(() => rmSync(settings, { force: true }));
  const environment = { ...process.env, PATH: [directory, process.env.PATH].join(delimiter) };
  await assert.rejects(initializeStack(environment, "ami-1", PLAIN), /Command failed/);
  assert.ok(existsSync(join(directory, "demo/stack/Pulumi.demo.yaml")), "it has begun");
  assert.equal(contentOf(settings), before);
});

function contentOf(path: string): string | undefined {
  return existsSync(path) ? readFileSync(path, "utf8") : undefined;
}
