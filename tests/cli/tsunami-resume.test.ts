/** A `get` that is killed, and the same command again. */

import assert from "node:assert/strict";
import { type ChildProcess, spawn } from "node:child_process";
import { randomBytes } from "node:crypto";
import { once } from "node:events";
import {
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { text } from "node:stream/consumers";
import { beforeEach, describe, it, type TestContext } from "node:test";
import { setTimeout as pause } from "node:timers/promises";
import { PartialFile } from "../../cli/partial-file.ts";
import { openControl } from "../../tsunami/sealed/control.ts";
import { WAITS } from "../../tsunami/sealed/limits.ts";
import { freePort } from "../support/loopback-sessions.ts";

const PROGRAM = new URL("../../cli/tsunami.ts", import.meta.url).pathname;
const MIB = 1 << 20;
const SEALED = ["--sealed", "--psk-file", "psk", "--json"];
let folder: string;
let place: string;

function start(test: TestContext, argv: readonly string[]): ChildProcess {
  const { npm_lifecycle_event: _, ...env } = process.env;
  const child = spawn(process.execPath, [PROGRAM, ...argv, ...SEALED], { cwd: folder, env });
  test.after(() => child.kill("SIGKILL"));
  return child;
}

/** Starts a slow `get` and waits until it has brought so much. */
async function startGet(test: TestContext, leastBytes: number): Promise<ChildProcess> {
  const child = start(test, ["get", place, "disk", "--output", "copy", "--rate", "40M"]);
  const limitMs = performance.now() + 30_000;
  const part = join(folder, "copy.part");
  while ((statSync(part, { throwIfNoEntry: false })?.blocks ?? 0) * 512 < leastBytes) {
    assert.ok(performance.now() < limitMs && child.exitCode === null, "nothing comes");
    await pause(20);
  }
  return child;
}

async function get(test: TestContext): Promise<{ code: number; out: string; err: string }> {
  const child = start(test, ["get", place, "disk", "--output", "copy"]);
  assert.ok(child.stdout && child.stderr);
  const closed = once(child, "close");
  const [out, err] = await Promise.all([text(child.stdout), text(child.stderr)]);
  const [code] = await closed;
  return { code, out, err };
}

describe("a get that did not end well", { timeout: 120_000 }, () => {
  beforeEach(async (test) => {
    folder = mkdtempSync(join(tmpdir(), "amicopy-resume-"));
    writeFileSync(join(folder, "disk"), randomBytes(24 * MIB));
    writeFileSync(join(folder, "psk"), randomBytes(32).toString("hex"));
    const port = await freePort();
    place = `127.0.0.1:${port}`;
    const context = test as TestContext;
    const kept = folder;
    context.after(() => rmSync(kept, { recursive: true, force: true }));
    const argv = ["serve", "--address", "127.0.0.1", "--port", String(port), "disk"];
    const server = start(context, argv);
    await once(createInterface({ input: server.stdout ?? process.stdin }), "line");
  });

  it("killed with SIGKILL, it is taken up by the same command, from the same server", async (test) => {
    const killed = await startGet(test, 8 * MIB);
    killed.kill("SIGKILL");
    await once(killed, "close");
    assert.deepEqual(readdirSync(folder).sort(), ["copy.part", "disk", "psk"]);
    const { code, out, err } = await get(test);
    assert.equal(code, 0, err);
    const { bytesKept, bytesSent, bytesResent } = JSON.parse(out);
    // A busy machine loses on loopback, too: what went twice is not counted.
    assert.ok(bytesKept >= 7 * MIB && bytesSent - bytesResent < 19 * MIB, out);
    assert.match(err, /kept [\d.]+ MB of an earlier try; .+ sent twice/);
    assert.deepEqual(readdirSync(folder).sort(), ["copy", "disk", "psk"]);
    assert.ok(readFileSync(join(folder, "copy")).equals(readFileSync(join(folder, "disk"))));
  });

  it("stopped with Ctrl-C, it says where the next one goes on; what is no file is not written through", async (test) => {
    const stopped = await startGet(test, 4 * MIB);
    assert.ok(stopped.stderr);
    const words = text(stopped.stderr);
    stopped.kill("SIGINT");
    await once(stopped, "close");
    assert.match(await words, /goes on where .*copy\.part ends/);
    rmSync(join(folder, "copy.part"));
    symlinkSync("disk", join(folder, "copy.part"));
    const { code, err } = await get(test);
    assert.equal(code, 6);
    assert.match(err, /copy\.part is in the way/);
  });

  it("is not disturbed by what belongs to another session with the same key", async (test) => {
    const child = await startGet(test, 2 * MIB);
    const psk = Buffer.from(readFileSync(join(folder, "psk"), "utf8"), "hex");
    const [peerAddress = "", port = ""] = place.split(":");
    for (const pskIdentity of ["tsunami-files", "tsunami-files-00000000"]) {
      const call = openControl(
        { listens: false, peerAddress, port: Number(port), psk, pskIdentity },
        WAITS,
        AbortSignal.timeout(10_000),
      );
      await assert.rejects(call, { code: "peer-refused" });
    }
    const [code] = await once(child, "close");
    assert.equal(code, 0);
    assert.ok(readFileSync(join(folder, "copy")).equals(readFileSync(join(folder, "disk"))));
  });

  it("shares its partial file with nobody, and leaves none that holds nothing", async () => {
    const path = join(folder, "copy");
    const file = await PartialFile.open(path);
    await assert.rejects(PartialFile.open(path), { code: "disk-io", message: /another program/ });
    assert.equal(file.leave(false), undefined);
    assert.deepEqual(readdirSync(folder).sort(), ["disk", "psk"]);
    const again = await PartialFile.open(path);
    writeFileSync(again.writtenPath, "half");
    assert.equal(again.leave(false), `${path}.part`);
    assert.equal((await PartialFile.open(path)).leave(true), undefined);
    assert.deepEqual(readdirSync(folder).sort(), ["disk", "psk"]);
  });
});
