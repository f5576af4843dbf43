/** Which image lends its licence, and what a licensed copy tells of itself. */

import assert from "node:assert/strict";
import { test } from "node:test";
import type { Image } from "../../../dynamic-providers/ec2/image.ts";
import { donorUserData } from "../../../dynamic-providers/workflow/donor-user-data.ts";
import { judgeFidelity } from "../../../dynamic-providers/workflow/fidelity.ts";
import { losses } from "../../../dynamic-providers/workflow/fidelity-line.ts";
import { findDonor } from "../../../dynamic-providers/workflow/find-donor.ts";
import {
  donorQueries,
  isLicensed,
  mismatches,
  newestDonor,
} from "../../../dynamic-providers/workflow/license-donor.ts";
import { withMovedSnapshots } from "../../../dynamic-providers/workflow/moved-snapshots.ts";
import { onlyVerbs, sampleImage, sampleRequest, sampleSnapshot } from "./samples.ts";

const WINDOWS = { platformDetails: "Windows", usageOperation: "RunInstances:0002" };
const source = sampleImage({
  ...WINDOWS,
  architecture: "x86_64",
  bootMode: "uefi",
  tpmSupport: "v2.0",
  rootDeviceName: "/dev/sda1",
});

function donor(changes: Partial<Image> = {}): Image {
  return { ...source, imageId: "ami-0d000000000000001", ownerId: "801119661308", ...changes };
}

test("plain Linux needs no donor, everything that AWS bills does", () => {
  assert.equal(isLicensed({}), false);
  assert.equal(isLicensed({ usageOperation: "RunInstances" }), false);
  for (const code of ["0002", "0800", "0010", "1010", "000g", "0g00", "0004"]) {
    assert.equal(isLicensed({ usageOperation: `RunInstances:${code}` }), true, code);
  }
});

test("donors are looked for among Amazon's images of the system", () => {
  const of = (platformDetails: string) =>
    donorQueries({ ...source, platformDetails }).map(({ owner, name, platform }) => [
      owner,
      name ?? platform,
    ]);
  assert.deepEqual(of("Windows with SQL Server Web"), [["amazon", "windows"]]);
  assert.deepEqual(of("Red Hat Enterprise Linux with HA"), [["amazon", "RHEL*"]]);
  assert.deepEqual(of("SUSE Linux"), [["amazon", "suse-sles-*"]]);
  assert.deepEqual(of("Linux with SQL Server Standard"), [
    ["amazon", "*SQL*"],
    ["amazon", "*sql*"],
  ]);
});

const WRONG = [
  [
    { usageOperation: "RunInstances:0006" },
    /^its licence is Windows \(RunInstances:0006\) and not/,
  ],
  [{ architecture: "arm64" }, /^its architecture is arm64 and not x86_64$/],
  [{ bootMode: "legacy-bios" }, /^its boot mode is legacy-bios and not uefi$/],
  [{ virtualizationType: "paravirtual" }, /^its virtualization is paravirtual and not hvm$/],
  [{ enaSupport: false }, /^its ENA support is no and not yes$/],
  [{ rootDeviceName: "/dev/xvda" }, /^its root device is \/dev\/xvda and not \/dev\/sda1$/],
  [{ productCodes: ["abc"] }, /^it has product codes of its own \(abc\)$/],
  [{ state: "pending" }, /^it is pending and not available$/],
  [{ rootDeviceType: "instance-store" }, /^it is not backed by EBS$/],
] as const;

test("a donor must be as the source in all that an image of its instance inherits", () => {
  assert.deepEqual(mismatches(source, donor()), []);
  for (const [changes, message] of WRONG) {
    const [first, ...more] = mismatches(source, donor(changes));
    assert.match(first ?? "", message);
    assert.deepEqual(more, []);
  }
  const { tpmSupport: _none, ...without } = donor();
  assert.deepEqual(mismatches(source, without), ["its TPM is none and not v2.0"]);
});

test("an image without a boot mode boots by that of its architecture", () => {
  const { bootMode: _none, ...without } = source;
  assert.deepEqual(mismatches(without, donor({ bootMode: "legacy-bios" })), []);
  assert.equal(mismatches(without, donor()).length, 1);
  const arm = { ...without, architecture: "arm64" } as const;
  assert.deepEqual(mismatches(arm, donor({ architecture: "arm64" })), []);
});

test("of those that fit the newest is taken, but first the one that is more alike", () => {
  const nowMs = Date.parse("2026-11-28");
  const old = donor({ imageId: "ami-old", creationDate: "2025-01-01T00:00:00.000Z" });
  const newer = donor({ imageId: "ami-new", creationDate: "2026-10-01T00:00:00.000Z" });
  const choose = (...images: Image[]) => newestDonor(source, images, nowMs)?.imageId;
  assert.equal(choose(old, newer), "ami-new");
  assert.equal(choose(old, { ...newer, sriovNetSupport: "simple" }), "ami-old");
  assert.equal(choose(old, { ...newer, deprecationTime: "2026-11-01T00:00:00.000Z" }), "ami-old");
  assert.equal(
    choose(old, { ...newer, instanceTypes: { supported: ["t3.*"], unsupported: [] } }),
    "ami-old",
  );
  assert.equal(choose(old, { ...newer, watermarks: ["1:theirs"] }), "ami-old");
  assert.equal(choose(donor({ architecture: "arm64" })), undefined);
});

test("without any the sentence says what was looked for, with a given one what is wrong with it", async () => {
  const cloud = onlyVerbs({ describeImages: async () => [donor({ bootMode: "legacy-bios" })] });
  const none = await findDonor(cloud, {}, source.imageId, source);
  assert.ok("none" in none);
  assert.match(
    none.none.message,
    /is licensed as Windows \(RunInstances:0002\), and among 1 images/,
  );
  assert.match(none.none.message, /x86_64, uefi, TPM v2\.0, root device \/dev\/sda1/);
  const given = await findDonor(cloud, { licenseDonorAmiId: "ami-given" }, "ami-src", source);
  assert.ok("none" in given);
  assert.equal(
    given.none.message,
    "ami-given cannot lend its licence to a copy of ami-src: its boot mode is legacy-bios and not uefi.",
  );
});

test("what is the donor's for good is told as lost, the licence as kept and by whose grace", () => {
  const request = sampleRequest();
  const volume = { deviceName: "/dev/sda1", snapshot: sampleSnapshot() };
  const lines = judgeFidelity({
    request,
    source: {
      image: source,
      volumes: [volume],
      unreadable: [],
      ownerOnly: { launchPermissions: [], uefiData: "QUFB" },
    },
    donor: donor({ sriovNetSupport: "simple" }),
    route: {
      source: { region: "us-east-1", accountId: source.ownerId, partition: "aws" },
      destination: { region: "us-gov-west-1", accountId: "2", partition: "aws-us-gov" },
    },
    nowMs: 0,
  });
  const licence = lines.find(({ attribute }) => attribute === "licence");
  assert.equal(licence?.outcome, "kept");
  assert.equal(licence?.reason, "by way of licence donor ami-0d000000000000001");
  const lost = losses(lines).map(({ attribute }) => attribute);
  for (const attribute of ["SR-IOV", "UEFI variables", "snapshot descriptions"]) {
    assert.ok(lost.includes(attribute), attribute);
  }
});

test("a donor ends itself with the lease, by the words of its system", () => {
  const text = (platformDetails: string) =>
    Buffer.from(donorUserData({ platformDetails }, 1_800_000)).toString();
  assert.equal(text("Windows"), "<script>\r\nshutdown /s /f /t 1800\r\n</script>\r\n");
  assert.equal(text("SUSE Linux"), "#!/bin/sh\nshutdown -P +30\n");
});

test("what was wanted of a device's snapshot is wanted of the one that it has now", () => {
  const of = (snapshotId: string) => ({
    snapshots: [
      { deviceName: "/dev/sda1", sourceSnapshotId: "s", snapshotId, volumeSizeGib: 1, digest: "" },
    ],
  });
  const wishes = { description: "", tags: {}, launchPermissions: [], disabled: false };
  assert.deepEqual(withMovedSnapshots(wishes, of("a"), of("b")), wishes);
  const shared = { ...wishes, snapshotPermissions: { a: [{ userId: "1" }] } };
  assert.deepEqual(withMovedSnapshots(shared, of("a"), of("b")).snapshotPermissions, {
    b: [{ userId: "1" }],
  });
});
