/** Parts of the workflow that are one pure function each. */

import assert from "node:assert/strict";
import { test } from "node:test";
import { gunzipSync } from "node:zlib";
import type { Job } from "../../../agent/contract.ts";
import { describeSource } from "../../../dynamic-providers/workflow/describe-source.ts";
import { formatProgress } from "../../../dynamic-providers/workflow/format-progress.ts";
import { deviceNames } from "../../../dynamic-providers/workflow/helper-job.ts";
import { defaultLimits } from "../../../dynamic-providers/workflow/limits.ts";
import { checkSourceImage } from "../../../dynamic-providers/workflow/preflight/check-source-image.ts";
import { repeatWithToken } from "../../../dynamic-providers/workflow/repeat-with-token.ts";
import { userDataFor } from "../../../dynamic-providers/workflow/user-data.ts";
import { onlyVerbs, sampleImage, sampleSnapshot } from "./samples.ts";
import { virtualClock } from "./virtual-clock.ts";

test("progress reads as share, rate and time left", () => {
  const at = (bytesDone: number, rateBitsPerSecond: number) =>
    formatProgress({ bytesTotal: 100e9, bytesDone, rateBitsPerSecond });
  assert.equal(at(61e9, 412e6), "61% · 412 Mbit/s · ETA 13m");
  assert.equal(at(99.9e9, 4.1e9), "99% · 4.1 Gbit/s · ETA 1s");
  assert.equal(at(1e9, 20e6), "1% · 20 Mbit/s · ETA 11h 0m");
  assert.equal(at(100e9, 0), "100% · 0 kbit/s");
});

test("whoever was told to stop makes nothing more", async () => {
  const stopped = { clock: virtualClock(), limits: defaultLimits, signal: AbortSignal.abort() };
  let made = 0;
  const create = async () => (made += 1);
  await assert.rejects(repeatWithToken(stopped, create), { name: "AbortError" });
  assert.equal(made, 0);
});

test("device names are distinct, legal and enough for the largest helper", () => {
  const names = deviceNames(64);
  assert.equal(new Set(names).size, 64);
  for (const name of names) assert.match(name, /^\/dev\/(sd[f-z]|xvd[bc][a-z])$/);
});

const JOB: Job = {
  version: 1,
  run: "0123456789abcdef",
  attempt: 1,
  side: "source",
  listens: true,
  port: 46224,
  disks: [{ deviceName: "/dev/sdf", sizeBytes: 2 ** 30 }],
  leaseMs: 1,
  timeoutMs: 1,
};

test("the job stands in the template as it is, whatever a replacement text could mean", () => {
  const packed = userDataFor("a $& @JOB@ z", { ...JOB, run: "$&$1" }, { maxBytes: 16_384 });
  const text = gunzipSync(packed).toString();
  assert.ok(text.startsWith("a $& {") && text.endsWith("} z"));
  assert.equal(JSON.parse(text.slice(5, -2)).run, "$&$1");
});

test("a template of something else, and one that gets too big, are refused", () => {
  assert.throws(() => userDataFor("nothing here", JOB, { maxBytes: 16_384 }), /npm run build/);
  assert.throws(() => userDataFor("@JOB@", JOB, { maxBytes: 10 }), /EC2 takes 10/);
});

test("each snapshot travels once, the root first, the others by device", async () => {
  const device = (deviceName: string, snapshotId: string) =>
    ({ kind: "snapshot", deviceName, snapshotId, deleteOnTermination: true }) as const;
  const image = sampleImage({
    blockDevices: [
      device("/dev/sdc", "snap-2"),
      device("/dev/sdb", "snap-1"),
      device("/dev/xvda", "snap-root"),
      device("/dev/sdd", "snap-1"),
      device("/dev/sde", "snap-hidden"),
    ],
  });
  const cloud = onlyVerbs({
    describeImages: async () => [image],
    describeSnapshots: async ({ ids }: { ids: string[] }) =>
      ids.filter((id) => id !== "snap-hidden").map((snapshotId) => sampleSnapshot({ snapshotId })),
  });
  const source = await describeSource(cloud, image.imageId, "999999999999");
  assert.deepEqual(
    source?.volumes.map(({ deviceName, snapshot }) => [deviceName, snapshot.snapshotId]),
    [
      ["/dev/xvda", "snap-root"],
      ["/dev/sdb", "snap-1"],
      ["/dev/sdc", "snap-2"],
    ],
  );
  assert.deepEqual(
    source?.unreadable.map(({ snapshotId }) => snapshotId),
    ["snap-hidden"],
  );
});

const WHERE = { region: "us-east-1", accountId: "111111111111" };
const REFUSED = [
  ["a malformed id", "ami-xyz", undefined, /is not the id of an image/],
  [
    "an unknown image",
    "ami-0123456789abcdef0",
    undefined,
    /does not exist in us-east-1, or account 1{12}/,
  ],
  ["a pending image", "ami-0123456789abcdef0", { state: "pending" }, /is pending/],
  [
    "an instance-store image",
    "ami-0123456789abcdef0",
    { rootDeviceType: "instance-store" },
    /by instance-store/,
  ],
  [
    "a paravirtual image",
    "ami-0123456789abcdef0",
    { virtualizationType: "paravirtual" },
    /needs a kernel/,
  ],
] as const;

for (const [what, id, changes, message] of REFUSED) {
  test(`${what} is refused with one sentence and what to do`, () => {
    const image = changes === undefined ? undefined : sampleImage(changes);
    const problems = checkSourceImage({ sourceAmiId: id }, image, WHERE);
    assert.equal(problems.length, 1);
    assert.match(problems[0]?.message ?? "", message);
    assert.equal(problems[0]?.property, "sourceAmiId");
  });
}

test("a usual image has no problem", () => {
  assert.deepEqual(
    checkSourceImage({ sourceAmiId: "ami-0123456789abcdef0" }, sampleImage(), WHERE),
    [],
  );
});
