/** The job description: the one text that names disks to overwrite. */

import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import type { Job } from "../../agent/contract.ts";
import { parseJob } from "../../agent/job.ts";
import { largestJob } from "../../tools/build.ts";

const job: Job = {
  version: 1,
  run: "0123456789abcdef",
  attempt: 1,
  side: "source",
  listens: true,
  port: 46224,
  disks: [{ deviceName: "/dev/sdf", sizeBytes: 2 ** 30 }],
  leaseMs: 1_800_000,
  timeoutMs: 7_200_000,
};

test("a right job passes as it is", () => {
  assert.deepEqual(parseJob(JSON.stringify(job)), job);
  assert.deepEqual(parseJob(JSON.stringify(largestJob())), largestJob());
});

const wrong: readonly [string, Record<string, unknown>, RegExp][] = [
  ["a version from the future", { version: 2 }, /version/],
  ["a run that is no id", { run: "0123456789ABCDEF" }, /run/],
  ["attempt zero", { attempt: 0 }, /attempt/],
  ["a fractional attempt", { attempt: 1.5 }, /attempt/],
  ["an unknown side", { side: "middle" }, /side/],
  ["listens as text", { listens: "yes" }, /listens/],
  ["port zero", { port: 0 }, /port/],
  ["a lease without end", { leaseMs: 1e12 }, /leaseMs/],
  ["a negative timeout", { timeoutMs: -1 }, /timeoutMs/],
  ["no disks", { disks: [] }, /disks/],
  ["disks that are no list", { disks: { length: 1 } }, /disks/],
  ["too many disks", { disks: Array(128).fill(job.disks[0]) }, /disks/],
  ["a disk that is null", { disks: [null] }, /disks\[0\]\.deviceName/],
  ["the same disk twice", { disks: [job.disks[0], job.disks[0]] }, /disks\[1\]\.deviceName/],
];
for (const [what, change, message] of wrong) {
  test(`${what} is refused, and the refusal names the field`, () => {
    const text = JSON.stringify({ ...job, ...change });
    assert.throws(() => parseJob(text), { code: "bad-job", message });
  });
}

test("a device name that leads out of the device folder is refused", () => {
  for (const deviceName of ["/dev/../etc/passwd", "/dev/", "sdf", "/dev/sd f", "/dev/SDF", "", 7]) {
    const text = JSON.stringify({ ...job, disks: [{ deviceName, sizeBytes: 2 ** 30 }] });
    assert.throws(() => parseJob(text), { code: "bad-job", message: /deviceName/ });
  }
});

test("a size that is no whole number of sectors is refused", () => {
  for (const sizeBytes of [0, -512, 511, 2 ** 60, "1073741824", null]) {
    const text = JSON.stringify({ ...job, disks: [{ deviceName: "/dev/sdf", sizeBytes }] });
    assert.throws(() => parseJob(text), { code: "bad-job", message: /sizeBytes/ });
  }
});

test("whatever text comes, there is a job or a bad-job", () => {
  fc.assert(
    fc.property(fc.oneof(fc.string(), fc.json()), (text) => {
      assert.throws(() => parseJob(text), { code: "bad-job" });
    }),
  );
});
