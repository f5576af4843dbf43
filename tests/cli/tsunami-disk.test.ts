/** Where a fetched file cannot go, and what the server hears of it. */

import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { describe, it } from "node:test";
import { runToEnd, setUp } from "../support/tsunami-program.ts";

const REVISIONS = [
  { name: "classic", options: ["--secret-file", "secret"] },
  { name: "sealed", options: ["--sealed", "--psk-file", "psk"] },
];
/** Whoever may have mounts of his own may mount; then a mount that fails is a failure. */
const skip = spawnSync("unshare", ["--mount", "true"]).status !== 0 && "only root may mount";

describe("a receiver's disk", { timeout: 120_000 }, () => {
  for (const { name, options } of REVISIONS) {
    it(`that is full leaves no file that looks whole, and a server that serves: ${name}`, {
      skip,
    }, async (test) => {
      const { folder, place } = await setUp(test, options);
      const full = join(folder, "full");
      mkdirSync(full);
      const mount = ["-t", "tmpfs", "-o", "size=100k", "tmpfs", full];
      assert.equal(spawnSync("mount", mount).status, 0);
      try {
        for (const output of [join(full, "a.bin"), "/dev/full"]) {
          const argv = ["get", place, "a.bin", "--output", output, ...options];
          const { code, out, err } = await runToEnd(test, folder, argv);
          assert.deepEqual([code, out], [6, ""]);
          assert.match(err, /no space left|there is room for/);
          assert.ok(!readdirSync(full).includes("a.bin"));
        }
        for (const file of readdirSync(full)) rmSync(join(full, file));
        const argv = ["get", place, "b.txt", "--output", full, ...options];
        assert.equal((await runToEnd(test, folder, argv)).code, 0);
      } finally {
        spawnSync("umount", [full]);
      }
    });

    it(`that has a folder of that name is left as it is: ${name}`, async (test) => {
      const { folder, place } = await setUp(test, options);
      mkdirSync(join(folder, "out", "b.txt"), { recursive: true });
      const argv = ["get", place, "b.txt", "--output", "out", ...options];
      const { code, err } = await runToEnd(test, folder, argv);
      assert.equal(code, 6);
      assert.match(err, /b\.txt cannot be written: it is (?:a folder|no file)\n$/);
    });
  }

  it("that cannot be written to is told to a sealed server, which need not miss its receiver", async (test) => {
    const options = ["--sealed", "--psk-file", "psk"];
    const { folder, place, server } = await setUp(test, options);
    const lines = createInterface({ input: server.stdout ?? process.stdin })[
      Symbol.asyncIterator
    ]();
    for (const output of ["none/a.bin", "c"]) {
      const names = output === "c" ? ["a.bin", "b.txt"] : ["a.bin"];
      await runToEnd(test, folder, ["get", place, ...names, "--output", output, ...options]);
      const { kind, message } = JSON.parse((await lines.next()).value ?? "{}");
      assert.equal(kind, "failed");
      assert.match(message, /the peer gave up: .*(?:cannot be written|is no folder)/);
    }
  });

  it("is sent the file as it is when it is asked for, not as it was when serving began", async (test) => {
    const options = ["--sealed", "--psk-file", "psk"];
    const { folder, place } = await setUp(test, options);
    writeFileSync(join(folder, "in", "b.txt"), "a longer one");
    const argv = ["get", place, "b.txt", "--output", "grown", ...options];
    const { code, err } = await runToEnd(test, folder, argv);
    assert.equal(code, 0, err);
    assert.equal(readFileSync(join(folder, "grown"), "utf8"), "a longer one");
  });

  it("gets no more than --rate from a sealed server", async (test) => {
    const options = ["--sealed", "--psk-file", "psk", "--json"];
    const { folder, place } = await setUp(test, options.slice(0, 3));
    const argv = ["get", place, "a.bin", "--output", "/dev/null", "--rate", "800k", ...options];
    const { code, out, err } = await runToEnd(test, folder, argv);
    assert.equal(code, 0, err);
    // At that rate it takes 2 s; without, a few milliseconds.
    assert.ok(JSON.parse(out).durationMs > 1000, out);
  });
});
