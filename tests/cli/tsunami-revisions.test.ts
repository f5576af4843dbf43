/** Two ends of different revisions, and what is no tsunami at all. */

import assert from "node:assert/strict";
import { once } from "node:events";
import { type AddressInfo, createServer } from "node:net";
import { describe, it } from "node:test";
import { runToEnd, setUp } from "../support/tsunami-program.ts";

const SEALED = ["--sealed", "--psk-file", "psk"];

describe("tsunami called by the other revision", { timeout: 120_000 }, () => {
  it("tells a sealed receiver that the server is classic, and goes on serving", async (test) => {
    const { folder, place } = await setUp(test, []);
    for (const argv of [
      ["get", place, "b.txt"],
      ["list", place],
    ]) {
      const { code, out, err } = await runToEnd(test, folder, [...argv, ...SEALED]);
      assert.deepEqual([code, out], [4, ""]);
      assert.match(err, /^tsunami: .* is a server without --sealed/);
    }
    assert.equal((await runToEnd(test, folder, ["list", place])).code, 0);
  });

  it("tells a classic receiver that the server is sealed, and goes on serving", async (test) => {
    const { folder, place } = await setUp(test, SEALED);
    for (const argv of [
      ["get", place, "b.txt"],
      ["list", place],
    ]) {
      const { code, out, err } = await runToEnd(test, folder, argv);
      assert.deepEqual([code, out], [4, ""]);
      assert.match(err, /^tsunami: .* is a server with --sealed/);
    }
    assert.equal((await runToEnd(test, folder, ["list", place, ...SEALED])).code, 0);
  });

  it("does not take what is no TLS for a peer with another key", async (test) => {
    const { folder } = await setUp(test, []);
    const stranger = createServer((caller) => {
      caller.on("error", () => {}).write("SSH-2.0-OpenSSH_10.0\r\n");
    }).listen(0, "127.0.0.1");
    test.after(() => stranger.close());
    await once(stranger, "listening");
    const place = `127.0.0.1:${(stranger.address() as AddressInfo).port}`;
    const { code, err } = await runToEnd(test, folder, ["list", place, ...SEALED]);
    assert.equal(code, 4);
    assert.match(err, /what it says is no TLS/);
  });
});
