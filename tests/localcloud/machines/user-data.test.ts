import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { test } from "node:test";
import { gzipSync } from "node:zlib";
import { readUserData } from "../../../localcloud/machines/user-data.ts";

test("the interpreter and its one argument are read as the kernel does", () => {
  const cases: [string, string[]][] = [
    ["#!/bin/sh\n", ["/bin/sh"]],
    ["#! /bin/sh -eu -x \nexit", ["/bin/sh", "-eu -x"]],
    ["#!/usr/bin/env node", ["/usr/bin/env", "node"]],
    ["#!/bin/sh\r\n", ["/bin/sh"]],
  ];
  for (const [script, interpreter] of cases) {
    const userData = readUserData(gzipSync(script));
    assert.ok(userData.kind === "script");
    assert.deepEqual(userData.interpreter, interpreter);
    assert.equal(String(userData.text), script);
  }
});

test("what cannot be run is refused with a line for the console", () => {
  assert.equal(readUserData(Buffer.alloc(0)).kind, "none");
  const cases: [Buffer, RegExp][] = [
    [Buffer.from("#cloud-config\n"), /Unhandled non-multipart/],
    [Buffer.from("#!\n"), /names no program/],
    [Buffer.from([0x1f, 0x8b, 8, 0, 1]), /looks like gzip and is not/],
    [gzipSync(Buffer.alloc(17 * 1024 * 1024)), /looks like gzip and is not/],
    [Buffer.from("#!/bin/sh\nexec /usr/sbin/poweroff\n"), /absolute path of a program/],
    [Buffer.from("#!/bin/sh\nexport PATH=/bin:$PATH\n"), /a PATH of absolute folders/],
    [Buffer.from("#!/bin/sh\necho o >/proc/sysrq-trigger\n"), /kernel's own switches/],
  ];
  for (const [raw, message] of cases) {
    const userData = readUserData(raw);
    assert.ok(userData.kind === "refused", String(raw.subarray(0, 40)));
    assert.match(userData.consoleLine, message);
  }
});

test("the boot script of a helper is one that may be run", async () => {
  const script = await readFile(new URL("../../../agent/boot.sh", import.meta.url));
  assert.equal(readUserData(script).kind, "script");
});
