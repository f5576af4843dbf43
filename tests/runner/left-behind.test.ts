import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { randomUUID } from "node:crypto";
import { once } from "node:events";
import { it } from "node:test";
import { endLeftBehind } from "./left-behind.ts";

it("a process with the marker in its environment is told and ended, others are not", async () => {
  const marker = `left-behind-${randomUUID()}`;
  const options = { env: { ...process.env, MARKER: marker } };
  const left = spawn(process.execPath, ["-e", "setTimeout(() => {}, 60000)"], options);
  const other = spawn(process.execPath, ["-e", "setTimeout(() => {}, 60000)"]);
  try {
    const exited = once(left, "exit");
    const found = await endLeftBehind(marker, 200);
    assert.equal(found.length, 1);
    assert.match(found[0] ?? "", new RegExp(`^${left.pid} `));
    assert.deepEqual(await exited, [null, "SIGKILL"]);
    assert.equal(other.exitCode, null);
  } finally {
    left.kill("SIGKILL");
    other.kill("SIGKILL");
  }
});

it("a process that ends in time is not told", async () => {
  const marker = `left-behind-${randomUUID()}`;
  const options = { env: { ...process.env, MARKER: marker } };
  spawn(process.execPath, ["-e", "setTimeout(() => {}, 100)"], options);
  assert.deepEqual(await endLeftBehind(marker, 10_000), []);
});
