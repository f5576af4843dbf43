import assert from "node:assert/strict";
import { test } from "node:test";
import {
  CopyImageCommand,
  DeregisterImageCommand,
  DescribeImageAttributeCommand,
  DescribeImagesCommand,
  DescribeSnapshotsCommand,
  DisableImageCommand,
  DisableImageDeprecationCommand,
  EnableImageCommand,
  EnableImageDeprecationCommand,
  ModifyImageAttributeCommand,
  ModifySnapshotAttributeCommand,
  RegisterImageCommand,
  type RegisterImageRequest,
  ResetImageAttributeCommand,
} from "@aws-sdk/client-ec2";
import {
  completedSnapshot,
  instanceState,
  launch,
  openConformanceCloud,
  refusal,
  registeredImage,
  until,
} from "./conformance-cloud.ts";

const cloud = await openConformanceCloud();
const ec2 = cloud.ec2();
const snapshotId = await completedSnapshot(ec2);
const root = { DeviceName: "/dev/xvda", Ebs: { SnapshotId: snapshotId } };

async function describe(id: string, client = ec2) {
  const { Images: [image] = [] } = await client.send(new DescribeImagesCommand({ ImageIds: [id] }));
  return image;
}

function register(request: Partial<RegisterImageRequest>) {
  return ec2.send(
    new RegisterImageCommand({
      Name: "some name",
      Architecture: "arm64",
      VirtualizationType: "hvm",
      RootDeviceName: "/dev/xvda",
      BlockDeviceMappings: [root],
      ...request,
    }),
  );
}

// moto: RegisterImage kept only name and description
test("a registered image has everything it was registered with", async () => {
  const id = await registeredImage(ec2, {
    Name: "whole",
    Description: "a description",
    BootMode: "uefi",
    TpmSupport: "v2.0",
    ImdsSupport: "v2.0",
    SriovNetSupport: "simple",
    UefiData: "QU1aTlVFRkk=",
    BlockDeviceMappings: [
      {
        DeviceName: "/dev/sdf",
        Ebs: {
          SnapshotId: snapshotId,
          VolumeSize: 8,
          VolumeType: "gp3",
          Iops: 3500,
          Throughput: 200,
        },
      },
      { ...root, Ebs: { ...root.Ebs, DeleteOnTermination: true, VolumeType: "gp3" } },
      { DeviceName: "/dev/sdg", Ebs: { VolumeSize: 2, VolumeType: "gp2", Encrypted: true } },
      { DeviceName: "/dev/sdb", VirtualName: "ephemeral0" },
    ],
    TagSpecifications: [{ ResourceType: "image", Tags: [{ Key: "a", Value: "b" }] }],
  });
  const image = await describe(id);
  assert.ok(image);
  const { CreationDate: created, ...facts } = image;
  assert.match(created ?? "", /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/);
  assert.deepEqual(facts, {
    ImageId: id,
    ImageLocation: "100000000001/whole",
    State: "available",
    OwnerId: "100000000001",
    Public: false,
    Architecture: "arm64",
    ImageType: "machine",
    Name: "whole",
    Description: "a description",
    RootDeviceType: "ebs",
    RootDeviceName: "/dev/xvda",
    VirtualizationType: "hvm",
    Hypervisor: "xen",
    EnaSupport: true,
    SriovNetSupport: "simple",
    BootMode: "uefi",
    TpmSupport: "v2.0",
    ImdsSupport: "v2.0",
    PlatformDetails: "Linux/UNIX",
    UsageOperation: "RunInstances",
    DeregistrationProtection: "disabled",
    Tags: [{ Key: "a", Value: "b" }],
    BlockDeviceMappings: [
      {
        DeviceName: "/dev/sdf",
        Ebs: {
          SnapshotId: snapshotId,
          VolumeSize: 8,
          VolumeType: "gp3",
          Iops: 3500,
          Throughput: 200,
          DeleteOnTermination: false,
          Encrypted: false,
        },
      },
      {
        DeviceName: "/dev/xvda",
        Ebs: {
          SnapshotId: snapshotId,
          VolumeSize: 1,
          VolumeType: "gp3",
          Iops: 3000,
          Throughput: 125,
          DeleteOnTermination: true,
          Encrypted: false,
        },
      },
      {
        DeviceName: "/dev/sdg",
        Ebs: { VolumeSize: 2, VolumeType: "gp2", DeleteOnTermination: false, Encrypted: true },
      },
      { DeviceName: "/dev/sdb", VirtualName: "ephemeral0" },
    ],
  });
  const uefi = new DescribeImageAttributeCommand({ ImageId: id, Attribute: "uefiData" });
  assert.equal((await ec2.send(uefi)).UefiData?.Value, "QU1aTlVFRkk=");
});

// [SDK RegisterImageRequest.Architecture, .VirtualizationType]
test("an image registered with nothing said is i386 and paravirtual", async () => {
  const { ImageId: id = "" } = await ec2.send(
    new RegisterImageCommand({
      Name: "nothing said",
      RootDeviceName: "/dev/xvda",
      BlockDeviceMappings: [root],
    }),
  );
  const image = await describe(id);
  assert.equal(image?.Architecture, "i386");
  assert.equal(image?.VirtualizationType, "paravirtual");
});

// [SDK Image.State]
test("a fresh image is pending until its time has come", async () => {
  const slow = (await openConformanceCloud({ imagePending: 60_000 })).ec2();
  const { ImageId: id = "" } = await slow.send(
    new RegisterImageCommand({
      Name: "fresh",
      RootDeviceName: "/dev/xvda",
      BlockDeviceMappings: [
        { DeviceName: "/dev/xvda", Ebs: { SnapshotId: await completedSnapshot(slow) } },
      ],
    }),
  );
  assert.equal((await describe(id, slow))?.State, "pending");
});

// [SDK RegisterImageRequest.Name], [errors-overview] InvalidAMIName.Malformed, .Duplicate
test("names are checked, and each is taken once in an account and region", async () => {
  for (const Name of ["ab", "a".repeat(129), "so#so", "ümlaut"]) {
    assert.equal(await refusal(register({ Name })), "InvalidAMIName.Malformed", Name);
  }
  const id = await registeredImage(ec2, { Name: "it's (a) [name] ./-@_" });
  const again = register({ Name: "it's (a) [name] ./-@_" });
  await assert.rejects(again, { name: "InvalidAMIName.Duplicate", message: new RegExp(id) });
  await ec2.send(new DeregisterImageCommand({ ImageId: id }));
  await register({ Name: "it's (a) [name] ./-@_" });
});

// [SDK EbsBlockDevice.Encrypted]
test("Encrypted beside a snapshot is refused, whatever its value", async () => {
  for (const Encrypted of [true, false]) {
    const mapping = { ...root, Ebs: { ...root.Ebs, Encrypted } };
    const call = register({ BlockDeviceMappings: [mapping] });
    assert.equal(await refusal(call), "InvalidBlockDeviceMapping");
  }
});

// [SDK Image, RegisterImageRequest]; moto: RegisterImage dropped them
test("mappings that cannot work are refused", async () => {
  const codeOf = (BlockDeviceMappings: NonNullable<RegisterImageRequest["BlockDeviceMappings"]>) =>
    refusal(register({ BlockDeviceMappings }));
  const other = { DeviceName: "/dev/sdf", Ebs: { SnapshotId: snapshotId } };
  const blankRoot = { DeviceName: "/dev/xvda", Ebs: { VolumeSize: 1 } };
  const nowhere = { ...root, Ebs: { SnapshotId: "snap-00000000000000000" } };
  const small = { ...other, Ebs: { VolumeSize: 0, SnapshotId: snapshotId } };
  const hdd = { ...root, Ebs: { ...root.Ebs, VolumeType: "st1" as const, VolumeSize: 125 } };
  assert.equal(await codeOf([other]), "InvalidBlockDeviceMapping");
  assert.equal(await codeOf([blankRoot]), "InvalidBlockDeviceMapping");
  assert.equal(await codeOf([root, root]), "InvalidBlockDeviceMapping");
  assert.equal(await codeOf([hdd]), "InvalidBlockDeviceMapping");
  assert.equal(await codeOf([nowhere]), "InvalidSnapshot.NotFound");
  assert.equal(await codeOf([root, small]), "InvalidParameterValue");
  assert.equal(await codeOf([{ ...root, DeviceName: "/dev/tty" }]), "InvalidParameterValue");
});

// [UG set-ami-boot-mode]: NitroTPM goes with uefi only
test("NitroTPM with uefi-preferred is refused", async () => {
  const call = register({ BootMode: "uefi-preferred", TpmSupport: "v2.0" });
  assert.equal(await refusal(call), "InvalidParameterCombination");
});

// [UG AMI types]: an image without EBS, seen but not launched here
test("an instance-store image is one without disks", async () => {
  const { ImageId: id = "" } = await ec2.send(
    new RegisterImageCommand({ Name: "on S3", ImageLocation: "bucket/image.manifest.xml" }),
  );
  const image = await describe(id);
  assert.equal(image?.RootDeviceType, "instance-store");
  assert.deepEqual(image?.BlockDeviceMappings, []);
  const bad = new RegisterImageCommand({ Name: "bad one", ImageLocation: "bucket" });
  assert.equal(await refusal(ec2.send(bad)), "InvalidManifest");
});

// [SDK DescribeImages]; moto: error codes
test("unknown and malformed ids are told apart", async () => {
  const describeId = (id: string) => ec2.send(new DescribeImagesCommand({ ImageIds: [id] }));
  assert.equal(await refusal(describeId("ami-0123456789abcdef0")), "InvalidAMIID.NotFound");
  assert.equal(await refusal(describeId("ami-xyz")), "InvalidAMIID.Malformed");
  assert.equal(await refusal(describeId("snap-0123456789abcdef0")), "InvalidAMIID.Malformed");
});

// moto: nothing was shared
test("an image is seen by others only when shared, and only in its region", async () => {
  const other = cloud.ec2("aws-2");
  const id = await registeredImage(ec2);
  const see = (client = other) => refusal(describe(id, client));
  assert.equal(await see(), "InvalidAMIID.NotFound");
  const share = { ImageId: id, LaunchPermission: { Add: [{ UserId: "100000000002" }] } };
  await ec2.send(new ModifyImageAttributeCommand(share));
  assert.equal((await describe(id, other))?.OwnerId, "100000000001");
  assert.equal(await see(cloud.ec2("aws-1", "us-east-2")), "InvalidAMIID.NotFound");
  const owned = new ModifyImageAttributeCommand({ ImageId: id, Description: { Value: "mine" } });
  assert.equal(await refusal(other.send(owned)), "AuthFailure");
  const attribute = { ImageId: id, Attribute: "launchPermission" } as const;
  const { LaunchPermissions: shown } = await ec2.send(new DescribeImageAttributeCommand(attribute));
  assert.deepEqual(shown, [{ UserId: "100000000002" }]);
  await ec2.send(new ResetImageAttributeCommand(attribute));
  assert.equal(await see(), "InvalidAMIID.NotFound");
});

// [SDK LaunchPermission]: account ids do not exist in another partition
test("an image cannot be shared with an account of another partition", async () => {
  const id = await registeredImage(ec2);
  const share = { ImageId: id, LaunchPermission: { Add: [{ UserId: "200000000001" }] } };
  const call = ec2.send(new ModifyImageAttributeCommand(share));
  assert.equal(await refusal(call), "InvalidAMIAttributeItemValue");
});

// moto ModifyImageAttribute: 200 and no effect; [SDK]: one attribute at a time
test("description and IMDS support can be changed, one in a call", async () => {
  const id = await registeredImage(ec2);
  await ec2.send(new ModifyImageAttributeCommand({ ImageId: id, Description: { Value: "new" } }));
  await ec2.send(new ModifyImageAttributeCommand({ ImageId: id, ImdsSupport: { Value: "v2.0" } }));
  const image = await describe(id);
  assert.equal(image?.Description, "new");
  assert.equal(image?.ImdsSupport, "v2.0");
  const both = { ImageId: id, Description: { Value: "x" }, ImdsSupport: { Value: "v2.0" } };
  const call = ec2.send(new ModifyImageAttributeCommand(both));
  assert.equal(await refusal(call), "InvalidParameterCombination");
});

// [SDK EnableImageDeprecation]
test("a deprecated image is hidden from others, not from its owner", async () => {
  const id = await registeredImage(ec2);
  await ec2.send(
    new ModifyImageAttributeCommand({ ImageId: id, OperationType: "add", UserGroups: ["all"] }),
  );
  const past = { ImageId: id, DeprecateAt: new Date(Date.now() - 3600_000) };
  const early = ec2.send(new EnableImageDeprecationCommand(past));
  assert.equal(await refusal(early), "InvalidParameterValue");
  const at = new Date("2027-01-02T03:04:00.000Z");
  await ec2.send(new EnableImageDeprecationCommand({ ImageId: id, DeprecateAt: at }));
  assert.equal((await describe(id))?.DeprecationTime, at.toISOString());
  await ec2.send(new DisableImageDeprecationCommand({ ImageId: id }));
  assert.equal((await describe(id))?.DeprecationTime, undefined);
});

// [SDK DescribeImages.IncludeDeprecated]: Amazon's old images are a choice to be made knowingly
test("deprecated images of others appear only when asked for", async () => {
  const names = async (IncludeDeprecated: boolean) => {
    const request = { Owners: ["amazon"], IncludeDeprecated };
    const { Images: images = [] } = await ec2.send(new DescribeImagesCommand(request));
    return images.map((image) => image.Name ?? "");
  };
  assert.ok((await names(true)).length > (await names(false)).length);
  assert.ok((await names(false)).includes("al2023-ami-2023.9.20261101.0-kernel-6.18-arm64"));
});

// [SDK DisableImage]
test("a disabled image is hidden, unshared, unlaunchable, and can be enabled again", async () => {
  const id = await registeredImage(ec2);
  await ec2.send(
    new ModifyImageAttributeCommand({ ImageId: id, OperationType: "add", UserGroups: ["all"] }),
  );
  await ec2.send(new DisableImageCommand({ ImageId: id }));
  assert.equal(await describe(id), undefined);
  const all = new DescribeImagesCommand({ ImageIds: [id], IncludeDisabled: true });
  const { Images: [image] = [] } = await ec2.send(all);
  assert.equal(image?.State, "disabled");
  assert.equal(image?.Public, false);
  assert.equal(await refusal(launch(ec2, { ImageId: id })), "InvalidAMIID.Unavailable");
  await ec2.send(new EnableImageCommand({ ImageId: id }));
  assert.equal((await describe(id))?.State, "available");
  assert.equal(await refusal(describe(id, cloud.ec2("aws-2"))), "InvalidAMIID.NotFound");
});

// [SDK DeregisterImage]; moto: the second call
test("a deregistered image is gone, and deregistering it again says so", async () => {
  const id = await registeredImage(ec2);
  await ec2.send(new DeregisterImageCommand({ ImageId: id }));
  assert.equal(await refusal(describe(id)), "InvalidAMIID.NotFound");
  const again = ec2.send(new DeregisterImageCommand({ ImageId: id }));
  assert.equal(await refusal(again), "InvalidAMIID.Unavailable");
});

// [SDK DescribeImages]: "empty results … until all instances of it are terminated"
test("a deregistered image that has instances gives an empty list", async () => {
  const id = await registeredImage(ec2);
  const { InstanceId: instanceId = "" } = await launch(ec2, { ImageId: id });
  await instanceState(ec2, instanceId, "running");
  await ec2.send(new DeregisterImageCommand({ ImageId: id }));
  assert.equal(await describe(id), undefined);
});

// [SDK DeregisterImage.DeleteAssociatedSnapshots]: shared snapshots are skipped
test("deregistering can take the snapshots along, but not those of another image", async () => {
  const own = await completedSnapshot(ec2);
  const shared = await completedSnapshot(ec2);
  await registeredImage(ec2, {
    BlockDeviceMappings: [{ DeviceName: "/dev/xvda", Ebs: { SnapshotId: shared } }],
  });
  const id = await registeredImage(ec2, {
    BlockDeviceMappings: [
      { DeviceName: "/dev/xvda", Ebs: { SnapshotId: own } },
      { DeviceName: "/dev/sdf", Ebs: { SnapshotId: shared } },
    ],
  });
  const { DeleteSnapshotResults: results } = await ec2.send(
    new DeregisterImageCommand({ ImageId: id, DeleteAssociatedSnapshots: true }),
  );
  assert.deepEqual(results, [
    { SnapshotId: own, ReturnCode: "success" },
    { SnapshotId: shared, ReturnCode: "skipped" },
  ]);
  const gone = ec2.send(new DescribeSnapshotsCommand({ SnapshotIds: [own] }));
  assert.equal(await refusal(gone), "InvalidSnapshot.NotFound");
});

// [SDK CopyImage]: not across partitions; [UG how-ami-copy-works]: storage must be readable
test("CopyImage works within a partition, when the storage may be read, and nowhere else", async () => {
  const id = await registeredImage(ec2, { Name: "to be copied" });
  const copy = (profile: string, region: string) =>
    cloud
      .ec2(profile, region)
      .send(new CopyImageCommand({ Name: "copy", SourceImageId: id, SourceRegion: "us-east-1" }));
  assert.equal(await refusal(copy("aws-us-gov-1", "us-gov-west-1")), "InvalidParameterValue");
  assert.equal(await refusal(copy("aws-2", "eu-west-1")), "InvalidAMIID.NotFound");
  await ec2.send(
    new ModifyImageAttributeCommand({
      ImageId: id,
      LaunchPermission: { Add: [{ UserId: "100000000002" }] },
    }),
  );
  await assert.rejects(copy("aws-2", "eu-west-1"), {
    name: "InvalidRequest",
    message: "You do not have permission to access the storage of this ami",
  });
  const image = await describe(id);
  await ec2.send(
    new ModifySnapshotAttributeCommand({
      SnapshotId: image?.BlockDeviceMappings?.[0]?.Ebs?.SnapshotId ?? "",
      CreateVolumePermission: { Add: [{ UserId: "100000000002" }] },
    }),
  );
  const { ImageId: copyId = "" } = await copy("aws-2", "eu-west-1");
  const there = cloud.ec2("aws-2", "eu-west-1");
  const copied = await until(async () => {
    const found = await describe(copyId, there);
    return found?.State === "available" && found;
  });
  assert.equal(copied.SourceImageId, id);
  assert.equal(copied.OwnerId, "100000000002");
  // A copy refuses its name to a second one.
  assert.equal(await refusal(copy("aws-2", "eu-west-1")), "InvalidAMIName.Duplicate");
});

// [SDK CopyImageRequest.KmsKeyId]: "the call succeeds, the copy fails later"
test("a copy under a key that does not exist fails later", async () => {
  const id = await registeredImage(ec2);
  const { ImageId: copyId = "" } = await ec2.send(
    new CopyImageCommand({
      Name: "under no key",
      SourceImageId: id,
      SourceRegion: "us-east-1",
      Encrypted: true,
      KmsKeyId: "alias/nobody",
    }),
  );
  await until(async () => (await describe(copyId))?.State === "failed");
});

// [SDK DescribeImageAttribute]; moto: half of them answered 500
test("every attribute of an image can be read by its owner, and no other", async () => {
  const id = await registeredImage(ec2, { Description: "d", BootMode: "uefi" });
  const read = (Attribute: string, client = ec2) =>
    client.send(
      new DescribeImageAttributeCommand({ ImageId: id, Attribute: Attribute as "description" }),
    );
  for (const name of [
    "kernel",
    "ramdisk",
    "productCodes",
    "sriovNetSupport",
    "tpmSupport",
    "uefiData",
    "lastLaunchedTime",
    "imdsSupport",
    "deregistrationProtection",
    "launchPermission",
  ]) {
    assert.equal((await read(name)).ImageId, id);
  }
  assert.equal((await read("description")).Description?.Value, "d");
  assert.equal((await read("bootMode")).BootMode?.Value, "uefi");
  assert.equal(await refusal(read("blockDeviceMapping")), "AuthFailure");
  assert.equal(await refusal(read("colour")), "InvalidParameterValue");
  assert.equal(await refusal(read("description", cloud.ec2("aws-2"))), "InvalidAMIID.NotFound");
});
