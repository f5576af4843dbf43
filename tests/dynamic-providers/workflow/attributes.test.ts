/**
 * Every attribute that an image can have, from partition to partition: carried over, seen when
 * others change it, put right, told of when it cannot be, and what AWS answers compared with what
 * was asked.
 */

import assert from "node:assert/strict";
import { join } from "node:path";
import { after, test } from "node:test";
import type { Ec2 } from "../../../dynamic-providers/ec2/ec2.ts";
import type { Image } from "../../../dynamic-providers/ec2/image.ts";
import { unlike } from "../../../dynamic-providers/workflow/compare-wishes.ts";
import { copyImage } from "../../../dynamic-providers/workflow/copy-image.ts";
import type { CopyRequest, CopyResult } from "../../../dynamic-providers/workflow/copy-request.ts";
import { losses } from "../../../dynamic-providers/workflow/fidelity-line.ts";
import { observeImage } from "../../../dynamic-providers/workflow/observe-image.ts";
import { preflight } from "../../../dynamic-providers/workflow/preflight.ts";
import { removeImage } from "../../../dynamic-providers/workflow/remove-image.ts";
import { systemClock } from "../../../dynamic-providers/workflow/run-context.ts";
import { updateImage } from "../../../dynamic-providers/workflow/update-image.ts";
import { describedImage } from "../../localcloud/described-image.ts";
import { exchange, openCloudBench, QUICK, runId } from "./cloud-bench.ts";

const bench = await openCloudBench();
after(() => bench[Symbol.asyncDispose]());

const region = "us-east-1";
const PACE = { clock: systemClock, limits: QUICK };
const { source: sourceCloud, destination: cloud } = bench.clouds();
const deprecationTime = new Date(
  Math.ceil(Date.now() / 60_000) * 60_000 + 86_400_000,
).toISOString();

/** The root is not the first, one disk is mapped twice, and every kind of device is there. */
const RICH = {
  description: "every attribute",
  tags: { Name: "rich", stage: "prod" },
  bootMode: "uefi",
  tpmSupport: "v2.0",
  uefiData: "QU1aTlVFRkk=",
  imdsSupport: "v2.0",
  enaSupport: true,
  sriovNetSupport: "simple",
  rootDeviceName: "/dev/xvda",
  mappings: [
    { deviceName: "/dev/sdf", disk: "/dev/sdf", sizeGib: 9, volumeType: "io2", iops: 600 },
    { deviceName: "/dev/sdb", virtualName: "ephemeral0" },
    {
      deviceName: "/dev/xvda",
      disk: "/dev/xvda",
      sizeGib: 20,
      iops: 3_500,
      throughput: 300,
      deleteOnTermination: true,
    },
    { deviceName: "/dev/sdg", disk: "/dev/sdf", volumeType: "standard", deleteOnTermination: true },
    { deviceName: "/dev/sdh", sizeGib: 130, volumeType: "st1", encrypted: true },
    { deviceName: "/dev/sdi", sizeGib: 4, volumeType: "gp2" },
  ],
  snapshots: {
    "/dev/xvda": {
      description: "the root",
      tags: { disk: "root" },
      createVolumePermission: { accountIds: ["100000000002"] },
    },
    "/dev/sdf": { description: "the data", tags: { disk: "data" } },
  },
  launchPermission: { accountIds: ["100000000002"] },
  deprecationTime,
  deregistrationProtection: "enabled-without-cooldown",
  instanceTypes: { supported: ["c7g.*"], unsupported: ["*.metal"] },
} as const;

const rich = await describedImage(bench.cloud, {
  region,
  name: "rich",
  architecture: "arm64",
  disks: ["/dev/xvda", "/dev/sdf"],
  describe: structuredClone(RICH) as never,
});
const request: CopyRequest = {
  ...bench.request,
  sourceAmiId: rich.imageId,
  copyLaunchPermissions: { accountIds: { "100000000002": "200000000002" } },
};

async function copyRich(
  number: number,
  changes: Partial<CopyRequest> = {},
  clouds = bench.clouds(),
) {
  const identity = await bench.identity(runId(number));
  const context = await bench.context("good", { clouds });
  return copyImage({ ...request, ...changes }, identity, context);
}

async function described(ec2: Ec2, imageId: string): Promise<Image> {
  const [image] = await ec2.describeImages({ imageIds: [imageId] });
  assert.ok(image);
  return image;
}

let result: CopyResult;

test("all that can be set is on the copy as on the source, device by device", async () => {
  result = await copyRich(1);
  const { image } = result;
  const [from, to] = await Promise.all([
    described(sourceCloud, rich.imageId),
    described(cloud, image.imageId),
  ]);
  const copyOf = new Map(image.snapshots.map((one) => [one.sourceSnapshotId, one.snapshotId]));
  assert.equal(copyOf.size, 2, "a disk that is mapped twice travels once");
  const expected = from.blockDevices.map((device) =>
    device.kind === "snapshot" ? { ...device, snapshotId: copyOf.get(device.snapshotId) } : device,
  );
  assert.deepEqual(to.blockDevices, expected);
  assert.equal(expected.length, 6);
  for (const key of [
    ...(["name", "description", "architecture", "virtualizationType", "rootDeviceName"] as const),
    ...(["bootMode", "tpmSupport", "imdsSupport", "enaSupport", "sriovNetSupport"] as const),
    ...(["deprecationTime", "deregistrationProtection", "instanceTypes", "state"] as const),
    ...(["rootDeviceType", "usageOperation", "platformDetails"] as const),
  ]) {
    assert.deepEqual(to[key], from[key], key);
  }
  assert.equal(await cloud.uefiData(image.imageId), RICH.uefiData);
  assert.deepEqual({ ...image.imageTags }, RICH.tags);
  assert.deepEqual(await cloud.launchPermissions(image.imageId), [{ userId: "200000000002" }]);
});

test("each snapshot has its own tags, description and permissions", async () => {
  const { snapshots, rootSnapshotId } = result.image;
  const dataId =
    snapshots.find(({ snapshotId }) => snapshotId !== rootSnapshotId)?.snapshotId ?? "";
  const found = await cloud.describeSnapshots({ ids: [rootSnapshotId, dataId] });
  const of = (id: string) => {
    const one = found.find(({ snapshotId }) => snapshotId === id);
    return [one?.description, one?.tags.disk];
  };
  assert.deepEqual(of(rootSnapshotId), ["the root", "root"]);
  assert.deepEqual(of(dataId), ["the data", "data"]);
  assert.deepEqual(await cloud.snapshotPermissions(rootSnapshotId), [{ userId: "200000000002" }]);
  assert.deepEqual(await cloud.snapshotPermissions(dataId), []);
});

test("nothing of it is told as lost, and the permissions as asked for", () => {
  const { fidelity } = result.image;
  assert.deepEqual(losses(fidelity), []);
  assert.deepEqual(
    fidelity.flatMap(({ attribute, outcome }) => (outcome === "asked" ? attribute : [])),
    ["launch permissions", "snapshot permissions"],
  );
});

test("a refresh of it sees it as it is wanted", async () => {
  const { image, wishes } = result;
  assert.deepEqual(unlike(wishes, await observeImage(image, cloud, wishes)), []);
});

const otherDate = new Date(Date.parse(deprecationTime) + 86_400_000).toISOString();
const DRIFTS: readonly (readonly [
  string,
  (imageId: string, snapshotId: string) => Promise<void>,
])[] = [
  ["description", (id) => cloud.setImageDescription(id, "changed")],
  ["tags", (id) => cloud.removeTags([id], ["stage"])],
  ["deprecation", (id) => cloud.setImageDeprecation(id, undefined)],
  ["deprecation", (id) => cloud.setImageDeprecation(id, otherDate)],
  ["deregistration protection", (id) => cloud.setDeregistrationProtection(id, undefined)],
  [
    "deregistration protection",
    (id) => cloud.setDeregistrationProtection(id, "enabled-with-cooldown"),
  ],
  ["instance types", (id) => cloud.setInstanceTypes(id, undefined)],
  [
    "launch permissions",
    (id) => cloud.changeLaunchPermissions(id, { add: [], remove: [{ userId: "200000000002" }] }),
  ],
  [
    "snapshot permissions",
    (_id, snapshotId) =>
      cloud.changeSnapshotPermissions(snapshotId, { add: [{ group: "all" }], remove: [] }),
  ],
];

for (const [index, [attribute, change]] of DRIFTS.entries()) {
  test(`drift ${index + 1}, of ${attribute}, is seen alone and put right`, async () => {
    const { image, wishes } = result;
    await change(image.imageId, image.rootSnapshotId);
    assert.deepEqual(unlike(wishes, await observeImage(image, cloud, wishes)), [attribute]);
    await updateImage(image, wishes, cloud);
    assert.deepEqual(unlike(wishes, await observeImage(image, cloud, wishes)), []);
  });
}

test("that it was disabled is seen together with the permissions it lost, and put right", async () => {
  const { image, wishes } = result;
  await cloud.setImageDisabled(image.imageId, true);
  const seen = unlike(wishes, await observeImage(image, cloud, wishes));
  assert.deepEqual(seen, ["state", "launch permissions"]);
  await updateImage(image, wishes, cloud);
  assert.deepEqual(unlike(wishes, await observeImage(image, cloud, wishes)), []);
});

test("a run whose result got lost gives the same protected image again", async () => {
  const again = await copyRich(1);
  assert.equal(again.image.imageId, result.image.imageId);
  assert.deepEqual(again.wishes, result.wishes);
});

test("a protection without a cooldown is no obstacle to whoever destroys the copy", async () => {
  await removeImage(result.image, cloud, PACE);
  assert.deepEqual(await leftovers(), []);
});

test("one with a cooldown holds it, and the error says until when, also the second time", async () => {
  const guarded = await copyRich(2);
  await cloud.setDeregistrationProtection(guarded.image.imageId, "enabled-with-cooldown");
  const untilDay = new Date(Date.now() + 86_400_000).toISOString().slice(0, 13);
  for (const time of ["first", "second"]) {
    await assert.rejects(removeImage(guarded.image, cloud, PACE), (error: Error) => {
      assert.match(error.message, /^image ami-\S+ in us-gov-west-1 cannot be deregistered before /);
      assert.ok(error.message.includes(untilDay), `${time}: ${error.message}`);
      return true;
    });
  }
  assert.equal((await observeImage(guarded.image, cloud)).registered, true);
});

test("a disabled source gives a disabled copy, which a lost run takes up again", async () => {
  await using other = await openCloudBench();
  const { imageId } = await describedImage(other.cloud, {
    region,
    name: "disabled",
    describe: { disabled: true },
  });
  const asked = { ...other.request, sourceAmiId: imageId };
  const identity = await other.identity(runId(3));
  const first = await copyImage(asked, identity, await other.context("good"));
  const { destination } = other.clouds();
  assert.equal((await described(destination, first.image.imageId)).state, "disabled");
  const again = await copyImage(asked, identity, await other.context("good"));
  assert.equal(again.image.imageId, first.image.imageId);
  await removeImage(again.image, destination, PACE);
});

test("changed devices are registered as asked for and told; a type that the region lacks is named", async () => {
  await using other = await openCloudBench();
  const blockDevices = {
    "/dev/sdb": { volumeType: "io1", iops: 200, volumeSizeGib: 5, deleteOnTermination: true },
  };
  const asked = { ...other.request, blockDevices };
  const context = await other.context("good");
  const lacking = (types: string[]) =>
    other.cloud.configure({
      region: "us-gov-west-1",
      account: "aws-us-gov-1",
      settings: { missingVolumeTypes: types },
    });
  await lacking(["io1"]);
  const identity = await other.identity(runId(4));
  const early = await preflight(asked, other.clouds());
  assert.deepEqual(early.problems, [
    {
      property: 'blockDevices["/dev/sdb"]',
      message: "us-gov-west-1 does not offer the volume type of /dev/sdb (io1).",
      hint: "Give it a volumeType that us-gov-west-1 offers, with the argument blockDevices.",
    },
  ]);
  // As of an EC2 whose dry runs do not look at the type.
  const { source, destination } = other.clouds();
  const blind = exchange(destination, { tryCreateVolume: async () => undefined });
  const unseen = { ...context, clouds: { source, destination: blind } };
  await assert.rejects(copyImage(asked, identity, unseen), {
    code: "cloud",
    message: /us-gov-west-1 does not offer the volume type of \/dev\/sdb \(io1\): RegisterImage in/,
    hint: /^Give each a volumeType that us-gov-west-1 offers, with the argument blockDevices\.$/,
  });
  await lacking([]);
  const from = other.cloud.calls.length;
  const { image, helpers } = await copyImage(asked, identity, context);
  const tried = other.cloud.calls.slice(from).filter(({ action }) => action === "CreateVolume");
  assert.deepEqual(
    tried.map(({ dryRun, outcome }) => [dryRun, outcome]),
    [[true, "DryRunOperation"]],
    "one, of the one type that not every region has",
  );
  assert.equal(helpers.source.outcome, "not-needed");
  const made = await described(other.clouds().destination, image.imageId);
  const device = made.blockDevices.find(({ deviceName }) => deviceName === "/dev/sdb");
  assert.deepEqual(device, {
    snapshotId: image.snapshots.find(({ deviceName }) => deviceName === "/dev/sdb")?.snapshotId,
    kind: "snapshot",
    deviceName: "/dev/sdb",
    deleteOnTermination: true,
    volumeSizeGib: 5,
    volumeType: "io1",
    iops: 200,
  });
  assert.deepEqual(
    image.fidelity.find(({ attribute }) => attribute === "/dev/sdb"),
    {
      attribute: "/dev/sdb",
      outcome: "asked",
      source: "1 GiB gp3 3000 IOPS 125 MiB/s kept on termination",
      copy: "5 GiB io1 200 IOPS",
      reason: "asked for with blockDevices",
    },
  );
});

test("a paravirtual image is refused without a kernel, and has the given one", async () => {
  const { imageId } = await describedImage(bench.cloud, {
    region,
    name: "paravirtual",
    describe: { virtualizationType: "paravirtual", kernelId: "aki-919dcaf8" },
  });
  const asked = { ...bench.request, sourceAmiId: imageId };
  const { problems } = await preflight(asked, bench.clouds());
  assert.match(problems[0]?.message ?? "", /is paravirtual, which needs a kernel image/);
  const other = { region: "us-west-2", environmentPrefix: "SOURCE_" };
  const within = { ...asked, destination: other, kernelId: "aki-fc8f11cc" };
  const clouds = bench.clouds(within);
  const report = await preflight(within, clouds);
  assert.deepEqual(report.problems, []);
  assert.ok(report.identity);
  const identity = { runId: runId(5), ...report.identity };
  const { image } = await copyImage(within, identity, await bench.context("good", { clouds }));
  const made = await described(clouds.destination, image.imageId);
  assert.deepEqual([made.kernelId, made.virtualizationType], ["aki-fc8f11cc", "paravirtual"]);
  await removeImage(image, clouds.destination, PACE);
});

const LOST = {
  watermarks: ["100000000002:theirs"],
  deprecationTime: "2026-01-01T00:00:00.000Z",
  launchPermission: { accountIds: ["100000000002"] },
};

test("strict refuses before anything starts, and names each loss", async () => {
  const { imageId } = await describedImage(bench.cloud, { region, name: "lossy", describe: LOST });
  const asked = { ...bench.request, sourceAmiId: imageId };
  const told = await preflight(asked, bench.clouds());
  assert.deepEqual(told.problems, []);
  const names = ["launch permissions", "deprecation", "watermarks"];
  assert.deepEqual(
    losses(told.fidelity ?? []).map(({ attribute }) => attribute),
    names,
  );
  const { problems } = await preflight({ ...asked, strict: true }, bench.clouds());
  assert.deepEqual(
    problems.map(({ property, message }) => [property, /the source's (.*) \(/.exec(message)?.[1]]),
    names.map((name) => ["strict", name]),
  );
});

test("strict refuses a name that is taken, which without it gets the run's digits", async () => {
  const disks = [{ deviceName: "/dev/xvda", path: join(bench.directory, "disk-0.raw") }];
  await bench.cloud.importImage({ region: "us-gov-west-1", name: "golden", disks });
  const { problems, fidelity } = await preflight(
    { ...bench.request, strict: true },
    bench.clouds(),
  );
  assert.match(problems[0]?.message ?? "", /the source's name \(golden\): an image at the dest/);
  assert.equal(problems.length, 1);
  assert.equal(fidelity?.find(({ attribute }) => attribute === "name")?.copy, "golden-…");
});

test("an image that AWS makes other than asked is taken back, each attribute named", async () => {
  const { source, destination } = bench.clouds();
  const registerImage: Ec2["registerImage"] = ({ bootMode: _mode, tpmSupport: _tpm, ...asked }) =>
    destination.registerImage({ ...asked, sriovNetSupport: "simple", description: "another" });
  const clouds = { source, destination: exchange(destination, { registerImage }) };
  await assert.rejects(copyRich(6, { name: "other" }, clouds), {
    code: "product-failed",
    message:
      /came out other than asked: description is another and not every attribute; bootMode is/,
  });
});

test("a setting that AWS takes and does not keep fails the copy by its name", async () => {
  const { source, destination } = bench.clouds();
  const ignoring = {
    changeLaunchPermissions: async () => undefined,
    setInstanceTypes: async () => undefined,
  };
  const clouds = { source, destination: exchange(destination, ignoring) };
  const identity = await bench.identity(runId(7));
  const limits = { ...QUICK, visibleMs: 300 };
  const context = await bench.context("good", { clouds, limits });
  await assert.rejects(copyImage({ ...request, name: "ignored" }, identity, context), {
    code: "product-failed",
    message: /is not as it was asked to be: instance types, launch permissions$/,
  });
});

/** Of images and machines: what the failed copies above have finished stays for their next attempt. */
async function leftovers(): Promise<string[]> {
  const { regions } = await bench.cloud.list();
  return regions
    .filter(({ region: name }) => name === "us-gov-west-1")
    .flatMap(({ things }) => things)
    .filter(({ state }) => state !== "terminated")
    .map(({ kind, id }) => `${kind} ${id}`);
}
