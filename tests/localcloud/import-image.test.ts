import assert from "node:assert/strict";
import { test } from "node:test";
import {
  CreateVolumeCommand,
  DescribeImageAttributeCommand,
  DescribeImagesCommand,
  DescribeSnapshotsCommand,
} from "@aws-sdk/client-ec2";
import { readImageDescription } from "../../localcloud/image-description.ts";
import { launch, openConformanceCloud, refusal } from "./conformance-cloud.ts";
import { describedImage } from "./described-image.ts";

const cloud = await openConformanceCloud();
const ec2 = cloud.ec2();
const region = "us-east-1";
const UEFI_DATA = Buffer.from("variables").toString("base64");

async function describe(id: string, client = ec2) {
  const request = { ImageIds: [id], IncludeDisabled: true, IncludeDeprecated: true };
  const { Images: [image] = [] } = await client.send(new DescribeImagesCommand(request));
  return image;
}

test("an imported image is whatever it is described as", async () => {
  const { imageId, snapshotIds } = await describedImage(cloud.localcloud, {
    region,
    name: "described",
    disks: ["/dev/sda1", "/dev/sdf"],
    describe: {
      description: "of every kind",
      tags: { Name: "golden" },
      // No RegisterImage makes this one: it exists all the same.
      bootMode: "uefi-preferred",
      tpmSupport: "v2.0",
      uefiData: UEFI_DATA,
      imdsSupport: "v2.0",
      sriovNetSupport: null,
      usageOperation: "RunInstances:0006",
      productCodes: [{ id: "code", type: "marketplace" }],
      ownerAlias: "aws-marketplace",
      mappings: [
        { deviceName: "/dev/sdf", disk: "/dev/sdf", sizeGib: 20, volumeType: "io2", iops: 900 },
        { deviceName: "/dev/sdg", disk: "/dev/sdf", deleteOnTermination: true },
        { deviceName: "/dev/sdh", sizeGib: 5, volumeType: "gp2", encrypted: true },
        { deviceName: "/dev/sdb", virtualName: "ephemeral0" },
        { deviceName: "/dev/sda1", disk: "/dev/sda1", throughput: 400 },
      ],
      snapshots: {
        "/dev/sdf": { description: "data", tags: { kind: "data" }, kmsKeyId: "alias/amicopy-test" },
      },
      launchPermission: { accountIds: ["100000000002"] },
      deprecationTime: "2027-02-03T04:05:00Z",
      deregistrationProtection: "enabled-with-cooldown",
      instanceTypes: { supported: ["c7i.*"] },
      watermarks: ["ours", "100000000002:theirs"],
    },
  });
  const image = await describe(imageId);
  const [root, data] = snapshotIds;
  const speed = { Iops: 3000, Throughput: 125 };
  assert.deepEqual(image?.BlockDeviceMappings, [
    {
      DeviceName: "/dev/sdf",
      Ebs: {
        SnapshotId: data,
        VolumeSize: 20,
        VolumeType: "io2",
        Iops: 900,
        DeleteOnTermination: false,
        Encrypted: true,
      },
    },
    {
      DeviceName: "/dev/sdg",
      Ebs: {
        SnapshotId: data,
        VolumeSize: 1,
        VolumeType: "gp3",
        ...speed,
        DeleteOnTermination: true,
        Encrypted: true,
      },
    },
    {
      DeviceName: "/dev/sdh",
      Ebs: { VolumeSize: 5, VolumeType: "gp2", DeleteOnTermination: false, Encrypted: true },
    },
    { DeviceName: "/dev/sdb", VirtualName: "ephemeral0" },
    {
      DeviceName: "/dev/sda1",
      Ebs: {
        SnapshotId: root,
        VolumeSize: 1,
        VolumeType: "gp3",
        Iops: 3000,
        Throughput: 400,
        DeleteOnTermination: true,
        Encrypted: false,
      },
    },
  ]);
  assert.deepEqual(
    [image?.BootMode, image?.TpmSupport, image?.ImdsSupport, image?.SriovNetSupport],
    ["uefi-preferred", "v2.0", "v2.0", undefined],
  );
  assert.deepEqual(
    [image?.Platform, image?.PlatformDetails, image?.ImageOwnerAlias, image?.RootDeviceName],
    ["windows", "Windows with SQL Server Standard", "aws-marketplace", "/dev/sda1"],
  );
  assert.deepEqual(
    [image?.DeprecationTime, image?.DeregistrationProtection],
    ["2027-02-03T04:05:00.000Z", "enabled-with-cooldown"],
  );
  assert.deepEqual(
    image?.ImageWatermarks?.map((one) => one.WatermarkKey),
    ["100000000001:ours", "100000000002:theirs"],
  );
  assert.deepEqual(image?.InstanceTypeSpecification?.SupportedInstanceTypes, [
    { InstanceType: "c7i.*" },
  ]);
  const attribute = new DescribeImageAttributeCommand({ ImageId: imageId, Attribute: "uefiData" });
  assert.equal((await ec2.send(attribute)).UefiData?.Value, UEFI_DATA);
  const request = new DescribeSnapshotsCommand({ SnapshotIds: [data ?? ""] });
  const { Snapshots: [snapshot] = [] } = await ec2.send(request);
  assert.deepEqual(
    [snapshot?.Description, snapshot?.Tags, snapshot?.Encrypted],
    ["data", [{ Key: "kind", Value: "data" }], true],
  );
});

// [UG sharingamis-explicit]: whoever may launch an image need not be able to read its snapshots
test("a shared image whose snapshot is not shared can be launched and not read", async () => {
  const other = cloud.ec2("aws-2");
  const { imageId, snapshotIds: [SnapshotId = ""] = [] } = await describedImage(cloud.localcloud, {
    region,
    describe: { launchPermission: { everyone: true }, tags: { secret: "of the owner" } },
  });
  const seen = await describe(imageId, other);
  assert.deepEqual([seen?.Public, seen?.Tags], [true, undefined]);
  await launch(other, { ImageId: imageId, InstanceType: "c7i.large" });
  const read = new CreateVolumeCommand({ AvailabilityZone: "us-east-1a", SnapshotId });
  assert.equal(await refusal(other.send(read)), "InvalidSnapshot.NotFound");
  const list = new DescribeSnapshotsCommand({ SnapshotIds: [SnapshotId] });
  assert.equal(await refusal(other.send(list)), "InvalidSnapshot.NotFound");
  const attribute = new DescribeImageAttributeCommand({ ImageId: imageId, Attribute: "uefiData" });
  assert.equal(await refusal(other.send(attribute)), "AuthFailure");
});

// [SDK Snapshot.StorageTier]: "must be restored before it can be used"
test("an archived snapshot cannot be used", async () => {
  const { imageId, snapshotIds: [SnapshotId = ""] = [] } = await describedImage(cloud.localcloud, {
    region,
    describe: { snapshots: { "/dev/xvda": { archived: true } } },
  });
  const volume = new CreateVolumeCommand({ AvailabilityZone: "us-east-1a", SnapshotId });
  assert.equal(await refusal(ec2.send(volume)), "IncorrectState");
  const request = { ImageId: imageId, InstanceType: "c7i.large" } as const;
  assert.equal(await refusal(launch(ec2, request)), "IncorrectState");
  const { Snapshots: [snapshot] = [] } = await ec2.send(
    new DescribeSnapshotsCommand({ SnapshotIds: [SnapshotId] }),
  );
  assert.equal(snapshot?.StorageTier, "archive");
});

test("a description that cannot be is refused by the name of its fault", async () => {
  const wrong = (value: unknown) => {
    try {
      readImageDescription(value);
      return "";
    } catch (error) {
      return (error as Error).message;
    }
  };
  assert.match(wrong({ bootMode: "grub" }), /bootMode/);
  assert.match(
    wrong({ mappings: [{ deviceName: "/dev/sdf", sizeGib: 1.5 }] }),
    /mappings\.0\.size/,
  );
  assert.match(wrong("a text"), /description of the image/);
  const unknown = { region, describe: { snapshots: { "/dev/sdz": {} } } };
  await assert.rejects(describedImage(cloud.localcloud, unknown), /no disk of that name/);
});
