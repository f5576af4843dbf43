/** One copy with the real boot script, agent and transfer, of an image with every kind of device. */

import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { open, readFile } from "node:fs/promises";
import { join } from "node:path";
import { after, test } from "node:test";
import { gunzipSync } from "node:zlib";
import { EC2Client } from "@aws-sdk/client-ec2";
import { fromIni } from "@aws-sdk/credential-providers";
import type { HelperSide } from "../../../agent/contract.ts";
import { copyImage } from "../../../dynamic-providers/workflow/copy-image.ts";
import { removeImage } from "../../../dynamic-providers/workflow/remove-image.ts";
import { bundleAgent, makeUserData } from "../../../tools/build.ts";
import { makePrivateNetwork } from "../../localcloud/private-network.ts";
import { exchange, openCloudBench, runId } from "./cloud-bench.ts";

const bench = await openCloudBench();
after(() => bench[Symbol.asyncDispose]());

const MIB = 2 ** 20;

/** As `docs/digest.md` has it. */
async function digestOf(path: string): Promise<string> {
  const all = createHash("sha256");
  const file = await open(path);
  try {
    const { size } = await file.stat();
    const leaf = Buffer.alloc(MIB);
    for (let offset = 0; offset < size; offset += MIB) {
      await file.read(leaf, 0, MIB, offset);
      all.update(createHash("sha256").update(leaf).digest());
    }
  } finally {
    await file.close();
  }
  return all.digest("hex");
}

async function sourceWithEveryDevice(): Promise<string> {
  const { source } = bench.clouds();
  const [image] = await source.describeImages({ imageIds: [bench.imageId] });
  const root = image?.blockDevices.find(({ deviceName }) => deviceName === "/dev/xvda");
  assert.ok(image && root?.kind === "snapshot");
  return source.registerImage({
    name: "every device",
    description: "with every kind of device",
    architecture: "arm64",
    virtualizationType: "hvm",
    rootDeviceName: "/dev/xvda",
    bootMode: "uefi",
    imdsSupport: "v2.0",
    enaSupport: true,
    blockDevices: [
      { ...root, deviceName: "/dev/sdb", volumeSizeGib: 3, deleteOnTermination: false },
      root,
      {
        kind: "blank",
        deviceName: "/dev/sdc",
        volumeSizeGib: 5,
        volumeType: "gp3",
        encrypted: true,
        deleteOnTermination: true,
      },
      { kind: "ephemeral", deviceName: "/dev/sdd", virtualName: "ephemeral0" },
    ],
    tags: { Name: "golden", team: "a" },
  });
}

async function realTemplates(): Promise<Record<HelperSide, string>> {
  const boot = await readFile(new URL("../../../agent/boot.sh", import.meta.url), "utf8");
  const template = async (side: HelperSide) => makeUserData(boot, (await bundleAgent(side)).code);
  return { source: await template("source"), destination: await template("destination") };
}

test("an image with every kind of device is copied by real helpers, each snapshot once", async () => {
  const sourceAmiId = await sourceWithEveryDevice();
  const nodeArchives = {
    arm64: { url: "https://mirror.example/node.tar.gz", sha256: "5a".repeat(32) },
  };
  const request = {
    ...bench.request,
    sourceAmiId,
    tags: { team: "b" },
    helper: { source: { nodeArchives }, destination: {} },
  };
  const clouds = bench.clouds();
  const { runInstance } = clouds.source;
  let userData = "";
  const source = exchange(clouds.source, {
    runInstance: (asked) => {
      userData = gunzipSync(asked.userData).toString();
      return runInstance(asked);
    },
  });
  const userDataTemplates = await realTemplates();
  const context = await bench.context("good", { userDataTemplates, clouds: { ...clouds, source } });
  const { image } = await copyImage(request, await bench.identity(runId(1)), context);

  assert.match(
    userData,
    /"nodeArchives":\{"aarch64":"(5a){32} https:\/\/mirror\.example\/node\.tar\.gz"\}/,
  );
  const [first, second] = image.snapshots;
  assert.deepEqual(image.snapshots.map(({ deviceName }) => deviceName).sort(), [
    "/dev/sdb",
    "/dev/xvda",
  ]);
  assert.equal(first?.snapshotId, second?.snapshotId);
  assert.equal(first?.digest, await digestOf(join(bench.directory, "disk-0.raw")));
  const path = join(bench.directory, "copy.raw");
  const snapshotId = image.rootSnapshotId;
  await bench.cloud.exportSnapshot({ region: "us-gov-west-1", snapshotId, path });
  assert.equal(await digestOf(path), first?.digest);

  const { destination } = clouds;
  const [original] = await source.describeImages({ imageIds: [sourceAmiId] });
  const [copy] = await destination.describeImages({ imageIds: [image.imageId] });
  assert.deepEqual(
    copy?.blockDevices,
    original?.blockDevices.map((device) =>
      device.kind === "snapshot" ? { ...device, snapshotId } : device,
    ),
  );
  for (const key of ["architecture", "bootMode", "imdsSupport", "enaSupport"] as const) {
    assert.equal(copy?.[key], original?.[key], key);
  }
  assert.deepEqual([copy?.tags.Name, copy?.tags.team], ["golden", "b"]);
  assert.equal(image.bytesRead, 2 ** 30);
  assert.ok(image.bytesSent < 16 * MIB, "holes and repetitions do not travel");

  await removeImage(image, destination);
  await source.deregisterImage(sourceAmiId);
  assert.deepEqual(await bench.leftovers(), []);
});

test("a destination behind a NAT gateway speaks first, and all the same receives", async () => {
  const { env, endpoint } = bench.cloud;
  const region = "us-gov-west-1";
  const files = {
    filepath: env.AWS_SHARED_CREDENTIALS_FILE ?? "",
    configFilepath: env.AWS_CONFIG_FILE ?? "",
  };
  const credentials = fromIni({ profile: "aws-us-gov-1", ignoreCache: true, ...files });
  const ec2 = new EC2Client({ region, endpoint, credentials });
  const { privateSubnetId } = await makePrivateNetwork(ec2, `${region}b`);
  ec2.destroy();
  const request = {
    ...bench.request,
    helper: { source: {}, destination: { subnetId: privateSubnetId } },
  };
  const context = await bench.context("good", { userDataTemplates: await realTemplates() });
  const { image } = await copyImage(request, await bench.identity(runId(2)), context);
  for (const [index, { digest }] of image.snapshots.entries()) {
    assert.equal(digest, await digestOf(join(bench.directory, `disk-${index}.raw`)));
  }
  await removeImage(image, bench.clouds().destination);
  assert.deepEqual(await bench.leftovers(), []);
});
