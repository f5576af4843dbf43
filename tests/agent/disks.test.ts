/** Finding disks by the name they were launched with. */

import assert from "node:assert/strict";
import {
  mkdirSync,
  mkdtempSync,
  realpathSync,
  rmSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, test } from "node:test";
import { findDisks } from "../../agent/disks.ts";

const MIB = 2 ** 20;
let folder = "";

beforeEach(() => {
  folder = realpathSync(mkdtempSync(join(tmpdir(), "amicopy-disks-")));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

/** A disk file, and a link to it named after the device. */
function attach(link: string, file: string, sizeBytes: number): string {
  const path = join(folder, file);
  writeFileSync(path, "");
  truncateSync(path, sizeBytes);
  symlinkSync(file, join(folder, link));
  return path;
}

test("disks are found through their links, in the job's order, whatever the kernel calls them", () => {
  const second = attach("sdg", "nvme1n1", 2 * MIB);
  const first = attach("sdf", "nvme2n1", MIB);
  const wanted = [
    { deviceName: "/dev/sdf", sizeBytes: MIB },
    { deviceName: "/dev/sdg", sizeBytes: 2 * MIB },
  ];
  assert.deepEqual(findDisks(wanted, folder), {
    disks: [
      { path: first, sizeBytes: MIB },
      { path: second, sizeBytes: 2 * MIB },
    ],
    missing: [],
  });
});

test("disks that are not there yet are named, and so is a link that leads nowhere", () => {
  attach("sdf", "nvme1n1", MIB);
  symlinkSync("nvme9n1", join(folder, "sdh"));
  const wanted = ["/dev/sdf", "/dev/sdg", "/dev/sdh"].map((deviceName) => ({
    deviceName,
    sizeBytes: MIB,
  }));
  assert.deepEqual(findDisks(wanted, folder).missing, ["/dev/sdg", "/dev/sdh"]);
});

test("a disk of another size is refused with both sizes", () => {
  attach("sdf", "nvme1n1", MIB);
  assert.throws(() => findDisks([{ deviceName: "/dev/sdf", sizeBytes: 2 * MIB }], folder), {
    code: "disk-size",
    message: "/dev/sdf has 1048576 bytes, the job says 2097152",
  });
});

test("two names for one disk are refused, so that it is not written twice", () => {
  attach("sdf", "nvme1n1", MIB);
  symlinkSync("nvme1n1", join(folder, "sdg"));
  const wanted = ["/dev/sdf", "/dev/sdg"].map((deviceName) => ({ deviceName, sizeBytes: MIB }));
  assert.throws(() => findDisks(wanted, folder), { code: "disk-missing", message: /same disk/ });
});

test("what is no disk is refused", () => {
  mkdirSync(join(folder, "sdf"));
  assert.throws(() => findDisks([{ deviceName: "/dev/sdf", sizeBytes: MIB }], folder), {
    code: "disk-missing",
    message: /is not a disk/,
  });
});
