/** `tsunami` as a person starts it, in a folder of its own. */

import assert from "node:assert/strict";
import { type ChildProcess, spawn } from "node:child_process";
import { randomBytes } from "node:crypto";
import { once } from "node:events";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import type { TestContext } from "node:test";
import { freePort } from "./loopback-sessions.ts";

const PROGRAM = new URL("../../cli/tsunami.ts", import.meta.url).pathname;

export interface Ended {
  readonly code: number | null;
  readonly out: string;
  readonly err: string;
}

export function start(test: TestContext, folder: string, argv: readonly string[]): ChildProcess {
  const { npm_lifecycle_event: _, ...env } = process.env;
  const child = spawn(process.execPath, [PROGRAM, ...argv], { cwd: folder, env });
  test.after(() => child.kill("SIGKILL"));
  return child;
}

export async function runToEnd(
  test: TestContext,
  folder: string,
  argv: readonly string[],
): Promise<Ended> {
  const child = start(test, folder, argv);
  const text = { out: "", err: "" };
  child.stdout?.on("data", (chunk) => {
    text.out += chunk;
  });
  child.stderr?.on("data", (chunk) => {
    text.err += chunk;
  });
  const [code] = await once(child, "close");
  return { code, ...text };
}

/** A folder with two files, a secret, a key; a server of them that listens. */
export async function setUp(
  test: TestContext,
  options: readonly string[],
): Promise<{ folder: string; place: string; server: ChildProcess }> {
  const folder = mkdtempSync(join(tmpdir(), "amicopy-tsunami-"));
  test.after(() => rmSync(folder, { recursive: true, force: true }));
  mkdirSync(join(folder, "in"));
  writeFileSync(join(folder, "in", "a.bin"), randomBytes(200_000));
  writeFileSync(join(folder, "in", "b.txt"), "b");
  writeFileSync(join(folder, "secret"), "s3cret!\n");
  writeFileSync(join(folder, "psk"), randomBytes(32).toString("hex"));
  const port = await freePort();
  const argv = ["serve", "--address", "127.0.0.1", "--port", String(port), ...options, "--json"];
  const server = start(test, folder, [...argv, "in/a.bin", "in/b.txt"]);
  const [line] = await once(createInterface({ input: server.stdout ?? process.stdin }), "line");
  assert.equal(JSON.parse(String(line)).kind, "listening");
  return { folder, place: `127.0.0.1:${port}`, server };
}
