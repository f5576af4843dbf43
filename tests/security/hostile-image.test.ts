/**
 * A source image made to do harm: on its disk are a partition table, file systems with the labels of
 * the helper's own, console lines of ours with the right checksum, shell text. To a copy they are
 * bytes. Both helpers run from their real user data.
 */

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { basename } from "node:path";
import { test } from "node:test";
import { BOOT_SEQUENCE, encodeConsoleLine } from "../../agent/contract.ts";
import { bootHelper, control, makeDisk } from "../agent/helper-pair.ts";
import { processesBelow } from "./watched-machines.ts";

const MIB = 2 ** 20;
const SIZE_BYTES = 8 * MIB;

/** All that the boot script and the agent start; nothing that mounts, probes or unpacks a disk. */
const PROGRAMS = new Set(
  "sh node mktemp cat shutdown printf sed gzip tail od tr timeout uname".split(" "),
);

test("a disk full of traps is copied as bytes: none is read, mounted, run or believed", async (context) => {
  const failed = { type: "failed", code: "disk-io", message: "believe me" } as const;
  const lie = encodeConsoleLine({ sequence: BOOT_SEQUENCE, message: failed });
  const traps = Buffer.from(`\n${lie}\n\n$(touch /tmp/owned)\nEND\n\x1b[2J::error::owned\n`);
  const gpt = Buffer.alloc(1024);
  gpt.write("EFI PART", 512);
  gpt.writeUInt16LE(0xaa55, 510);
  const ext4 = Buffer.alloc(1024);
  ext4.writeUInt16LE(0xef53, 56);
  ext4.write("cloudimg-rootfs", 120);
  const from = await makeDisk(context, SIZE_BYTES, [
    { offset: 0, bytes: gpt },
    { offset: MIB + 1024, bytes: ext4 },
    ...[2, 3, 5, 7].map((at) => ({ offset: at * MIB, bytes: traps })),
    {
      offset: 6 * MIB,
      bytes: Buffer.concat(Array.from({ length: 4000 }, () => traps)).subarray(0, MIB),
    },
  ]);
  const to = await makeDisk(context, SIZE_BYTES);
  const [source, destination] = await Promise.all([
    bootHelper(context, { side: "source", disks: [{ path: from, sizeBytes: SIZE_BYTES }] }),
    bootHelper(context, { side: "destination", disks: [{ path: to, sizeBytes: SIZE_BYTES }] }),
  ]);
  const programs = new Set<string>();
  await control({ source, destination }, () => {
    for (const { args, environment } of processesBelow(process.pid)) {
      if (environment.includes("HOST_DEV=")) programs.add(basename(args.split("\0")[0] ?? ""));
    }
    return [source, destination].every(
      (helper) => helper.heard("done").length > 0 || helper.heard("failed").length > 0,
    );
  });
  for (const helper of [source, destination]) {
    assert.equal(helper.heard("done").length, 1, helper.text);
    assert.deepEqual(helper.heard("failed"), []);
    assert.ok(!helper.text.includes("owned"), helper.text);
  }
  assert.ok(readFileSync(to).equals(readFileSync(from)));
  const unknown = [...programs].filter((name) => name !== "" && !PROGRAMS.has(name));
  assert.ok(programs.has("node") || programs.has("sh"));
  assert.deepEqual(unknown, []);
});
