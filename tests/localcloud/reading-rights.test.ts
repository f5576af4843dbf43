/** Whose snapshots may be read, launched and copied by whom: aws's table of what sharing gives. */

import assert from "node:assert/strict";
import { test } from "node:test";
import {
  CopyImageCommand,
  CreateVolumeCommand,
  DescribeImagesCommand,
  DescribeVolumesCommand,
  ModifyImageAttributeCommand,
} from "@aws-sdk/client-ec2";
import {
  instanceState,
  launch,
  openConformanceCloud,
  refusal,
  until,
} from "./conformance-cloud.ts";
import { describedImage } from "./described-image.ts";

const cloud = await openConformanceCloud();
const region = "us-east-1";
const OTHER = "100000000002";
const ec2 = cloud.ec2("aws-2");
const to = { accountIds: [OTHER] };

type Outcome = readonly [copied: string, volume: string, launched: string];

let copies = 0;

/** What becomes, for another account, of a copy, of a volume of the snapshot and of a launch. */
async function outcomes(imageId: string, SnapshotId: string): Promise<Outcome> {
  const copied = async () => {
    const { ImageId = "" } = await ec2.send(
      new CopyImageCommand({
        Name: `copy ${++copies}`,
        SourceImageId: imageId,
        SourceRegion: region,
      }),
    );
    return until(async () => {
      const { Images } = await ec2.send(new DescribeImagesCommand({ ImageIds: [ImageId] }));
      return Images?.[0]?.State !== "pending" && Images?.[0]?.State;
    });
  };
  const volume = async () => {
    const { VolumeId = "" } = await ec2.send(
      new CreateVolumeCommand({ AvailabilityZone: `${region}a`, SnapshotId }),
    );
    return until(async () => {
      const ids = new DescribeVolumesCommand({ VolumeIds: [VolumeId] });
      const [one] = (await ec2.send(ids)).Volumes ?? [];
      return one?.State !== "creating" && `${one?.State}${one?.Encrypted ? " encrypted" : ""}`;
    });
  };
  const launched = async () => {
    const { InstanceId = "" } = await launch(ec2, { ImageId: imageId, InstanceType: "c7i.large" });
    const runs = instanceState(ec2, InstanceId, "running").then(() => "running");
    const ends = instanceState(ec2, InstanceId, "terminated").then(
      ({ StateReason }) => StateReason?.Code ?? "",
    );
    // The one that does not come waits in vain, and that is no failure.
    for (const state of [runs, ends]) state.catch(() => undefined);
    return Promise.race([runs, ends]);
  };
  const ended = (call: Promise<string | undefined>) =>
    call.then(String, (error: Error) => error.name);
  return [await ended(copied()), await ended(volume()), await ended(launched())];
}

const everyone = { everyone: true };
const encrypted = (kmsKeyId: string) => ({ kmsKeyId, createVolumePermission: to });

// [UG sharingamis-explicit], [SDK CopyImage, ModifySnapshotAttribute]; the codes: AndrewGuenther/fck-nat#82,
// denismo/aws-iam-ldap-bridge#20; a key that is not shared shows late: [EBSUG ebs-copy-snapshot]
const CASES: readonly (readonly [string, object, object, Outcome])[] = [
  [
    "of a public image with a private snapshot only the launch works",
    everyone,
    {},
    ["InvalidRequest", "InvalidSnapshot.NotFound", "running"],
  ],
  [
    "of a public image with a public snapshot everything works",
    everyone,
    { createVolumePermission: everyone },
    ["available", "available", "running"],
  ],
  [
    "of a shared image whose snapshot is not shared only the launch works",
    to,
    {},
    ["InvalidRequest", "InvalidSnapshot.NotFound", "running"],
  ],
  [
    "of one shared with its snapshot everything works",
    to,
    { createVolumePermission: to },
    ["available", "available", "running"],
  ],
  [
    "under a customer key that is shared too, what is made is encrypted",
    to,
    encrypted("alias/amicopy-shared"),
    ["available", "available encrypted", "running"],
  ],
  [
    "under a customer key that is not shared, all is accepted and fails later",
    to,
    encrypted("alias/amicopy-test"),
    ["failed", "error encrypted", "Client.InternalError"],
  ],
];

for (const [what, launchPermission, snapshot, expected] of CASES) {
  test(what, async () => {
    const { imageId, snapshotIds: [snapshotId = ""] = [] } = await describedImage(
      cloud.localcloud,
      { region, describe: { launchPermission, snapshots: { "/dev/xvda": snapshot } } },
    );
    assert.deepEqual(await outcomes(imageId, snapshotId), expected);
  });
}

// [SDK ModifyImageAttributeRequest]: ProductCodes "Not supported"; ImdsSupport "can't undo"
test("product codes cannot be set, nor can the demand for tokens be taken back", async () => {
  const { imageId: ImageId } = await describedImage(cloud.localcloud, {
    region,
    describe: { imdsSupport: "v2.0" },
  });
  const code = (change: object) =>
    refusal(cloud.ec2().send(new ModifyImageAttributeCommand({ ImageId, ...change })));
  assert.equal(await code({ ProductCodes: ["abc"] }), "UnsupportedOperation");
  assert.equal(await code({ ImdsSupport: { Value: "" } }), "InvalidParameterValue");
});
