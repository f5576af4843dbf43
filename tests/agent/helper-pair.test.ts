/** Two booted helpers copy disks, from user data to `done`; and what they do when that cannot be. */

import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { readFileSync, statSync } from "node:fs";
import { type TestContext, test } from "node:test";
import { Tag } from "../../agent/contract.ts";
import { makeIdentity } from "../../agent/introduction.ts";
import { leafDigest, VolumeDigest } from "../../tsunami/sealed/digest.ts";
import { eventually } from "../localcloud/machines/booted.ts";
import { bootHelper, control, type Helper, type HelperOptions, makeDisk } from "./helper-pair.ts";

const MIB = 2 ** 20;

interface Disk {
  readonly path: string;
  readonly sizeBytes: number;
}

/** A disk with data at both ends and in the middle, and holes between; and one of nothing but data. */
async function sourceDisks(context: TestContext): Promise<Disk[]> {
  const sizeBytes = 64 * MIB;
  const first = await makeDisk(context, sizeBytes, [
    { offset: 0, bytes: randomBytes(MIB + 512) },
    { offset: 30 * MIB + 4096, bytes: Buffer.alloc(3 * MIB, "text that packs well. ") },
    { offset: sizeBytes - 512, bytes: randomBytes(512) },
  ]);
  const second = await makeDisk(context, 4 * MIB, [{ offset: 0, bytes: randomBytes(4 * MIB) }]);
  return [
    { path: first, sizeBytes },
    { path: second, sizeBytes: 4 * MIB },
  ];
}

async function blankDisks(context: TestContext, like: readonly Disk[]): Promise<Disk[]> {
  return Promise.all(
    like.map(async ({ sizeBytes }) => ({ path: await makeDisk(context, sizeBytes), sizeBytes })),
  );
}

function digestOf({ path }: Disk): string {
  const bytes = readFileSync(path);
  const digest = new VolumeDigest();
  for (let offset = 0; offset < bytes.length; offset += MIB) {
    digest.add(leafDigest(bytes.subarray(offset, offset + MIB)));
  }
  return digest.finish();
}

interface Pair {
  readonly source: Helper;
  readonly destination: Helper;
  readonly from: Disk[];
  readonly to: Disk[];
}

async function bootPair(
  context: TestContext,
  change: Partial<Record<"source" | "destination", HelperOptions["job"]>> = {},
): Promise<Pair> {
  const from = await sourceDisks(context);
  const to = await blankDisks(context, from);
  const [source, destination] = await Promise.all([
    bootHelper(context, { side: "source", disks: from, ...job(change.source) }),
    bootHelper(context, { side: "destination", disks: to, ...job(change.destination) }),
  ]);
  return { source, destination, from, to };
}

function job(change: HelperOptions["job"]): Pick<HelperOptions, "job"> {
  return change === undefined ? {} : { job: change };
}

function ended(helper: Helper): boolean {
  return helper.heard("done").length + helper.heard("failed").length > 0;
}

const directions = [
  { listener: "source", change: {} },
  {
    listener: "destination",
    change: { source: { listens: false }, destination: { listens: true } },
  },
];
for (const { listener, change } of directions) {
  test(`two helpers copy two disks with holes; the ${listener} listens`, async (context) => {
    const pair = await bootPair(context, change);
    await control(pair, () => ended(pair.source) && ended(pair.destination));
    for (const helper of [pair.source, pair.destination]) {
      assert.deepEqual(helper.heard("failed"), [], helper.text);
      const digests = new Map(helper.heard("volume").map(({ index, digest }) => [index, digest]));
      assert.deepEqual(digests.get(0), digestOf(pair.from[0] as Disk));
      assert.deepEqual(digests.get(1), digestOf(pair.from[1] as Disk));
      assert.equal(helper.isOff, false, "waits to be terminated");
    }
    for (const [index, disk] of pair.from.entries()) {
      const copy = pair.to[index] as Disk;
      assert.ok(readFileSync(copy.path).equals(readFileSync(disk.path)), `disk ${index} is equal`);
    }
    const { blocks } = statSync((pair.to[0] as Disk).path);
    assert.ok(blocks * 512 < 16 * MIB, `holes stay holes: ${blocks * 512} bytes are allocated`);
    const [done] = pair.source.heard("done");
    assert.ok((done?.bytesSent ?? 0) > 4 * MIB && (done?.bytesSent ?? 0) < 16 * MIB);
  });
}

test("helpers that are introduced to a third one's key do not speak to each other", async (context) => {
  const pair = await bootPair(context);
  const third = makeIdentity().publicKey;
  await control(
    pair,
    () => ended(pair.source) || ended(pair.destination),
    (side, publicKey) => (side === "source" ? third : publicKey),
  );
  const failures = [...pair.source.heard("failed"), ...pair.destination.heard("failed")];
  assert.ok(failures.length > 0);
  for (const { code } of failures) assert.match(code, /^peer-(refused|unreachable|lost)$/);
  assert.ok(readFileSync((pair.to[0] as Disk).path).every((byte) => byte === 0));
});

test("a helper whose lease nobody renews turns itself off, and says so", async (context) => {
  const [disk] = await sourceDisks(context);
  const helper = await bootHelper(context, {
    side: "source",
    disks: [disk as Disk],
    job: { leaseMs: 1_000 },
  });
  await eventually("the end of the machine", () => helper.isOff);
  assert.equal(helper.heard("failed")[0]?.code, "lease-expired", helper.text);
});

test("a helper with a bad job says so, and turns itself off when it is heard", async (context) => {
  const helper = await bootHelper(context, { side: "source", disks: [], job: { attempt: 0 } });
  await eventually("the failure", () => helper.heard("failed").length > 0);
  assert.equal(helper.heard("failed")[0]?.code, "bad-job", helper.text);
  assert.equal(helper.isOff, false);
  helper.acknowledge();
  await eventually("the end of the machine", () => helper.isOff);
});

test("a helper with a disk of another size refuses it", async (context) => {
  const path = await makeDisk(context, 2 * MIB);
  const disks = [{ path, sizeBytes: MIB }];
  const helper = await bootHelper(context, { side: "destination", disks });
  await eventually("the failure", () => helper.heard("failed").length > 0);
  assert.deepEqual(helper.heard("failed")[0], {
    type: "failed",
    code: "disk-size",
    message: "/dev/sdf has 2097152 bytes, the job says 1048576",
  });
});

test("hostile tag values neither stop nor move a waiting helper", async (context) => {
  const [disk] = await sourceDisks(context);
  const helper = await bootHelper(context, { side: "source", disks: [disk as Disk] });
  await eventually("hello", () => helper.heard("hello").length > 0);
  Object.assign(helper.tags, {
    [Tag.peer]: "$(shutdown -P now)",
    [Tag.acknowledged]: "999999999",
    [Tag.lease]: "\u001b[2J".repeat(60),
  });
  const before = helper.text.length;
  await eventually("hello again", () => helper.text.length > before + 200);
  assert.deepEqual(helper.heard("failed"), []);
  assert.equal(helper.isOff, false);
});
