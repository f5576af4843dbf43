import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { randomBytes } from "node:crypto";
import { once } from "node:events";
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { describe, it } from "node:test";
import { freePort } from "../support/loopback-sessions.ts";
import { runToEnd, setUp, start } from "../support/tsunami-program.ts";

describe("tsunami on the command line", { timeout: 200_000 }, () => {
  const revisions = [
    { name: "classic", options: ["--secret-file", "secret"] },
    { name: "sealed", options: ["--sealed", "--psk-file", "psk"] },
  ];
  for (const { name, options } of revisions) {
    it(`lists, fetches by either name, and says what it cannot: ${name}`, async (test) => {
      const { folder, place, server } = await setUp(test, options);
      const listed = await runToEnd(test, folder, ["list", place, ...options]);
      assert.deepEqual(listed, { code: 0, out: "200000\tin/a.bin\n1\tin/b.txt\n", err: "" });
      mkdirSync(join(folder, "out"));
      const all = ["get", place, "*", "--output", "out", ...options];
      assert.equal((await runToEnd(test, folder, all)).code, 0);
      const one = ["get", place, "b.txt", "--output", "c.txt", "--json", ...options];
      const fetched = await runToEnd(test, folder, one);
      assert.equal(fetched.code, 0, fetched.err);
      assert.equal(JSON.parse(fetched.out).sizeBytes, 1);
      for (const [copy, original] of [
        ["out/a.bin", "in/a.bin"],
        ["out/b.txt", "in/b.txt"],
        ["c.txt", "in/b.txt"],
      ] as const) {
        assert.deepEqual(readFileSync(join(folder, copy)), readFileSync(join(folder, original)));
      }
      const missing = await runToEnd(test, folder, ["get", place, "none", ...options]);
      assert.equal(missing.code, 3);
      assert.match(missing.err, /"none"/);
      assert.deepEqual(readdirSync(folder).sort(), ["c.txt", "in", "out", "psk", "secret"]);
      server.kill("SIGINT");
      const [code] = await once(server, "close");
      assert.equal(code, 130);
    });
  }

  for (const { name, options } of revisions) {
    it(`says what a server's names would do here without doing it to the terminal: ${name}`, async (test) => {
      const { folder } = await setUp(test, options);
      // A classic name has no line end.
      const hostile = `x\x1b[2J${name === "sealed" ? "\n" : "\r"}::error::owned`;
      for (const place of ["one", "two"]) {
        mkdirSync(join(folder, place));
        writeFileSync(join(folder, place, hostile), place);
      }
      const port = await freePort();
      const serve = ["serve", "--address", "127.0.0.1", "--port", String(port), ...options];
      const server = start(test, folder, [...serve, "--json", `one/${hostile}`, `two/${hostile}`]);
      await once(createInterface({ input: server.stdout ?? process.stdin }), "line");
      const argv = ["get", `127.0.0.1:${port}`, "*", ...options];
      const { code, out, err } = await runToEnd(test, folder, argv);
      assert.deepEqual([code, out], [2, ""]);
      assert.match(err, /^tsunami: two of the files would become [^\p{Cc}]+\n$/u);
    });
  }

  it("refuses strangers with exit code 4, on both revisions", async (test) => {
    const { folder, place } = await setUp(test, []);
    const wrong = await runToEnd(test, folder, ["list", place, "--secret-file", "secret"]);
    assert.equal(wrong.code, 4);
    assert.doesNotMatch(wrong.err, /s3cret|kitten/);
    const sealed = await setUp(test, ["--sealed", "--psk-file", "psk"]);
    writeFileSync(join(sealed.folder, "other"), randomBytes(32).toString("hex"));
    const argv = ["list", sealed.place, "--sealed", "--psk-file", "other"];
    assert.equal((await runToEnd(test, sealed.folder, argv)).code, 4);
  });

  it("says through npm what its user may want to know, and nothing of the runtime", async (test) => {
    const options = ["--sealed", "--psk-file", "psk"];
    const { folder, place } = await setUp(test, options);
    const root = new URL("../..", import.meta.url).pathname;
    const npm = ["--prefix", root, "run", "--silent", "tsunami", "--"];
    const argv = [...npm, "get", place, "b.txt", "--output", "c.txt", ...options];
    const { npm_lifecycle_event: _, INIT_CWD: __, ...env } = process.env;
    const { status, stderr } = spawnSync("npm", argv, { cwd: folder, env, encoding: "utf8" });
    assert.deepEqual([status, stderr], [0, ""]);
    assert.equal(readFileSync(join(folder, "c.txt"), "utf8"), "b");
  });

  it("ends at once when the port to serve at is taken, on both revisions", async (test) => {
    const { folder, place } = await setUp(test, ["--sealed", "--psk-file", "psk"]);
    const [address = "", port = ""] = place.split(":");
    for (const options of [[], ["--sealed", "--psk-file", "psk"]]) {
      const argv = ["serve", "--address", address, "--port", port, ...options, "in/a.bin"];
      const { code, err } = await runToEnd(test, folder, argv);
      assert.equal(code, 5);
      assert.match(err, /EADDRINUSE/);
      assert.doesNotMatch(err, /served/);
    }
  });

  it("tells usage, unreachable and disk apart by exit code", async (test) => {
    const { folder, place } = await setUp(test, []);
    assert.equal((await runToEnd(test, folder, ["get"])).code, 2);
    const port = await freePort();
    for (const options of [[], ["--sealed", "--psk-file", "psk"]]) {
      const argv = ["list", `127.0.0.1:${port}`, ...options];
      const { code, err } = await runToEnd(test, folder, argv);
      assert.equal(code, 5);
      assert.match(err, /ECONNREFUSED/);
    }
    const sealedOverIpv6 = [
      "serve",
      "--address",
      "::1",
      "--sealed",
      "--psk-file",
      "psk",
      "in/a.bin",
    ];
    assert.equal((await runToEnd(test, folder, sealedOverIpv6)).code, 2);
    const nowhere = ["get", place, "a.bin", "--output", "none/a.bin"];
    assert.equal((await runToEnd(test, folder, nowhere)).code, 6);
    assert.equal((await runToEnd(test, folder, ["serve", "none"])).code, 6);
    assert.equal((await runToEnd(test, folder, ["--help"])).code, 0);
  });
});
