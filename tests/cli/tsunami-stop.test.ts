/** Ctrl-C, once and again. Through npm one key comes twice: from the terminal, and handed on by npm. */

import assert from "node:assert/strict";
import type { ChildProcess } from "node:child_process";
import { randomBytes } from "node:crypto";
import { once } from "node:events";
import { readdirSync, rmSync, statSync, writeFileSync } from "node:fs";
import { type AddressInfo, createServer } from "node:net";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { text } from "node:stream/consumers";
import { describe, it, type TestContext } from "node:test";
import { setTimeout as pause } from "node:timers/promises";
import { freePort } from "../support/loopback-sessions.ts";
import { runToEnd, setUp, start } from "../support/tsunami-program.ts";

const REVISIONS = [
  { name: "classic", options: ["--secret-file", "secret"] },
  { name: "sealed", options: ["--sealed", "--psk-file", "psk"] },
];

/** Ctrl-C, and its echoes until the process is gone. One that comes last of all is a shell's 130, too. */
async function interrupt(child: ChildProcess): Promise<{ code: unknown; err: string }> {
  assert.ok(child.stderr);
  const closed = once(child, "close");
  const words = text(child.stderr);
  while (child.exitCode === null && child.signalCode === null) {
    child.kill("SIGINT");
    await pause(5);
  }
  const [code, by] = await closed;
  return { code: by === "SIGINT" ? 130 : code, err: await words };
}

/** A server of a file that takes some 13 s, and receivers of it that have begun. */
async function slowTransfer(test: TestContext, options: readonly string[]) {
  const { folder } = await setUp(test, options);
  writeFileSync(join(folder, "disk"), randomBytes(32 << 20));
  const port = String(await freePort());
  const place = `127.0.0.1:${port}`;
  const serve = ["serve", "--address", "127.0.0.1", "--port", port, "--json", "disk"];
  const server = start(test, folder, [...serve, ...options]);
  await once(createInterface({ input: server.stdout ?? process.stdin }), "line");
  const moved = () =>
    readdirSync(folder)
      .filter((file) => file.startsWith("copy"))
      .some((file) => statSync(join(folder, file)).blocks > 0);
  const beginGet = async (): Promise<ChildProcess> => {
    for (const file of readdirSync(folder)) if (file.startsWith("copy")) rmSync(join(folder, file));
    const argv = ["get", place, "disk", "--output", "copy", "--rate", "20M", ...options];
    const child = start(test, folder, argv);
    while (!moved()) {
      assert.equal(child.exitCode, null);
      await pause(20);
    }
    return child;
  };
  return { folder, place, server, beginGet };
}

describe("tsunami stopped", { timeout: 120_000 }, () => {
  for (const { name, options } of REVISIONS) {
    it(`in mid-transfer at either end, has its exit code, a word and no whole file: ${name}`, async (test) => {
      const { folder, place, server, beginGet } = await slowTransfer(test, options);
      const getter = await interrupt(await beginGet());
      assert.equal(getter.code, 130, getter.err);
      assert.match(getter.err, /tsunami: stopped on request\n$/);
      assert.equal((await runToEnd(test, folder, ["list", place, ...options])).code, 0);
      const left = await beginGet();
      const leftEnds = once(left, "close");
      const served = await interrupt(server);
      assert.equal(served.code, 130, served.err);
      assert.match(served.err, /tsunami: stopped on request\n$/);
      assert.deepEqual(await leftEnds, [5, null]);
      assert.ok(!readdirSync(folder).includes("copy"));
    });

    it(`while it calls somebody who says nothing: ${name}`, async (test) => {
      const { folder } = await setUp(test, options);
      const silent = createServer((caller) => caller.on("error", () => {})).listen(0, "127.0.0.1");
      test.after(() => silent.close());
      await once(silent, "listening");
      const place = `127.0.0.1:${(silent.address() as AddressInfo).port}`;
      const child = start(test, folder, ["get", place, "a.bin", ...options]);
      await once(silent, "connection");
      const { code, err } = await interrupt(child);
      assert.deepEqual([code, err], [130, "tsunami: stopped on request\n"]);
    });
  }

  it("while its server has somebody else, of which it has said so", async (test) => {
    const { options = [] } = REVISIONS[1] ?? {};
    const { folder, place, beginGet } = await slowTransfer(test, options);
    const first = await beginGet();
    const second = start(test, folder, ["get", place, "disk", "--output", "other", ...options]);
    assert.ok(second.stderr);
    const [line] = await once(createInterface({ input: second.stderr }), "line");
    assert.equal(line, "tsunami: 127.0.0.1 is serving somebody else: waiting up to 30 s");
    assert.equal((await interrupt(second)).code, 130);
    assert.equal(first.exitCode, null);
  });

  it("again, it ends at once, though its server is stuck", async (test) => {
    const options = ["--sealed", "--psk-file", "psk"];
    const { server, beginGet } = await slowTransfer(test, options);
    const child = await beginGet();
    server.kill("SIGSTOP");
    const { code, err } = await interrupt(child);
    assert.equal(code, 130, err);
    assert.match(err, /tsunami: stopped at once\n$/);
  });
});
