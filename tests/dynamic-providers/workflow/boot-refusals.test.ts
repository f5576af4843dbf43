/** Sources that cannot be read: which are never started either, and one that is billed besides. */

import assert from "node:assert/strict";
import { join } from "node:path";
import { after, test } from "node:test";
import { openEc2 } from "../../../dynamic-providers/ec2/open-ec2.ts";
import { preflight } from "../../../dynamic-providers/workflow/preflight.ts";
import { openBootBench } from "./boot-bench.ts";
import { WINDOWS } from "./licensed-bench.ts";

const boot = await openBootBench();
after(() => boot[Symbol.asyncDispose]());
const { bench, request } = boot;

async function refused(sourceAmiId: string): Promise<string[]> {
  const asked = { ...request, sourceAmiId };
  const { problems } = await preflight(asked, bench.clouds());
  return problems.map(({ property, message, hint }) => `${property}: ${message} ${hint}`);
}

test("a product of the Marketplace is not started for its disks", async () => {
  const productCodes = [{ id: "abc123", type: "marketplace" as const }];
  const { imageId } = await boot.publicImage("product", { productCodes });
  const [line, ...others] = await refused(imageId);
  assert.deepEqual(others, []);
  assert.match(
    line ?? "",
    /^sourceAmiId: ami-\S+ is a product of the Marketplace \(abc123\): .* Subscribe to the product /,
  );
});

test("a paravirtual one is started by no type, whatever kernel is given", async () => {
  const { imageId } = await boot.publicImage("old", {
    virtualizationType: "paravirtual",
    kernelId: "aki-919dcaf8",
  });
  const { problems } = await preflight(
    { ...request, sourceAmiId: imageId, kernelId: "aki-1de98d3e" },
    bench.clouds(),
  );
  assert.deepEqual(
    problems.map(({ message }) => message),
    [`${imageId} is paravirtual, which no current type can start.`],
  );
});

test("one that is disabled cannot be started, and says to enable it", async () => {
  const place = { region: "us-east-1" };
  const theirs = openEc2({ ...place, profile: "aws-2" }, bench.cloud.env);
  const { source } = bench.clouds();
  const { snapshotIds } = await boot.publicImage("theirs");
  const [snapshotId = ""] = snapshotIds;
  const us = { userId: "100000000001" };
  await theirs.changeSnapshotPermissions(snapshotId, { add: [us], remove: [] });
  const imageId = await source.registerImage({
    name: "ours of theirs",
    description: "",
    architecture: "arm64",
    virtualizationType: "hvm",
    rootDeviceName: "/dev/xvda",
    enaSupport: true,
    blockDevices: [
      { kind: "snapshot", deviceName: "/dev/xvda", snapshotId, deleteOnTermination: true },
    ],
    tags: { Name: "ours" },
  });
  bench.spare(imageId);
  await theirs.changeSnapshotPermissions(snapshotId, { add: [], remove: [us] });
  await source.setImageDisabled(imageId, true);
  const [line, ...others] = await refused(imageId);
  assert.deepEqual(others, []);
  assert.match(line ?? "", /is disabled, so it cannot be started either\. Enable it for the time /);
});

test("one that AWS bills is started once, and its copy has the licence of a donor", async () => {
  const { imageId, snapshotIds } = await bench.cloud.importImage({
    region: "us-east-1",
    account: "aws-2",
    name: "published windows",
    disks: [{ deviceName: "/dev/sda1", path: join(bench.directory, "disk-0.raw") }],
    describe: { ...WINDOWS, launchPermission: { everyone: true } },
  });
  bench.spare(imageId, ...snapshotIds);
  const result = await boot.copyOf(2, {}, { ...request, sourceAmiId: imageId });
  const { license, fidelity, snapshots } = result.image;
  assert.equal(license?.usageOperation, "RunInstances:0002");
  const outcomes = fidelity.map(
    ({ attribute, copy, outcome }) => `${attribute}: ${copy} ${outcome}`,
  );
  assert.ok(outcomes.includes("licence: Windows (RunInstances:0002) kept"), outcomes.join("\n"));
  assert.ok(
    fidelity.some(({ copy }) => copy === "booted once"),
    outcomes.join("\n"),
  );
  assert.deepEqual(
    snapshots.map(({ sourceSnapshotId }) => sourceSnapshotId),
    snapshotIds,
  );
  await boot.assertEqual(result);
  await boot.removeOnly(result, 1);
});
