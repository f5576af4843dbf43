import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { it } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";

const RUNNER = join(import.meta.dirname, "../run.ts");

/** Writes down its process, as a sign that a build has begun, and stays. */
const HANGING_GO = `#!/bin/sh
echo $$ > "$GO_PID_FILE"
exec /bin/sleep 60
`;

it("a run that is interrupted while Pulumi is built leaves neither compiler nor folder nor lock", async (t) => {
  const folder = mkdtempSync(join(tmpdir(), "amicopy-interrupted-"));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  mkdirSync(join(folder, "bin"));
  writeFileSync(join(folder, "bin/go"), HANGING_GO);
  chmodSync(join(folder, "bin/go"), 0o755);
  const pidFile = join(folder, "go.pid");
  // Any file that needs Pulumi. This PATH has none, so it is built.
  const run = spawn(process.execPath, [RUNNER, "tests/e2e/drift.test.ts"], {
    env: {
      PATH: join(folder, "bin"),
      XDG_CACHE_HOME: join(folder, "cache"),
      GO_PID_FILE: pidFile,
    },
    stdio: "ignore",
  });
  t.after(() => run.kill("SIGKILL"));
  const ended = once(run, "exit");
  while (!existsSync(pidFile) || readFileSync(pidFile, "utf8") === "") {
    assert.equal(run.exitCode, null);
    await sleep(50, undefined, { signal: t.signal });
  }
  const goPid = Number(readFileSync(pidFile, "utf8"));
  t.after(() => isThere(goPid) && process.kill(goPid, "SIGKILL"));

  run.kill("SIGHUP");
  assert.deepEqual(await ended, [1, null]);
  assert.ok(!isThere(goPid));
  assert.deepEqual(readdirSync(join(folder, "cache/amicopy")), []);
});

function isThere(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}
