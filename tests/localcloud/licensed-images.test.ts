import assert from "node:assert/strict";
import { test } from "node:test";
import {
  AttachVolumeCommand,
  CreateImageCommand,
  DescribeImagesCommand,
  DescribeInstancesCommand,
  DescribeVolumesCommand,
  DetachVolumeCommand,
  ModifyInstanceAttributeCommand,
  StartInstancesCommand,
  StopInstancesCommand,
} from "@aws-sdk/client-ec2";
import {
  availableVolume,
  completedSnapshot,
  instanceState,
  launch,
  openConformanceCloud,
  refusal,
  registeredImage,
  until,
} from "./conformance-cloud.ts";
import { describedImage } from "./described-image.ts";

const cloud = await openConformanceCloud();
const ec2 = cloud.ec2();
const region = "us-east-1";

async function describe(id: string, client = ec2) {
  const { Images: [image] = [] } = await client.send(new DescribeImagesCommand({ ImageIds: [id] }));
  return image;
}

async function donors(filter: { name: string; value: string }) {
  const Filters = [{ Name: filter.name, Values: [filter.value] }];
  const request = { Owners: ["amazon"], Filters };
  const { Images: images = [] } = await ec2.send(new DescribeImagesCommand(request));
  return images.sort((a, b) => ((a.CreationDate ?? "") < (b.CreationDate ?? "") ? 1 : -1));
}

async function detached(volumeId: string) {
  await ec2.send(new DetachVolumeCommand({ VolumeId: volumeId }));
  await until(async () => {
    const ids = new DescribeVolumesCommand({ VolumeIds: [volumeId] });
    return (await ec2.send(ids)).Volumes?.[0]?.State === "available";
  });
}

async function available(imageId: string) {
  return until(async () => {
    const image = await describe(imageId);
    return image?.State === "available" && image;
  });
}

// [UG billing-info-fields]; the owners' alias is amazon, the filter knows only windows
test("every region has images of licensed systems to choose from", async () => {
  for (const [profile, place] of [
    ["aws-1", "us-east-1"],
    ["aws-us-gov-1", "us-gov-west-1"],
    ["aws-cn-1", "cn-north-1"],
  ] as const) {
    const request = new DescribeImagesCommand({ Owners: ["amazon"] });
    const { Images: images = [] } = await cloud.ec2(profile, place).send(request);
    const operations = new Set(images.map((image) => image.UsageOperation));
    for (const code of ["0002", "0006", "0102", "0010", "1010", "000g", "0004"]) {
      assert.ok(operations.has(`RunInstances:${code}`), `${place} ${code}`);
    }
  }
  const [newest, older] = await donors({ name: "name", value: "TPM-Windows_Server-2022-*" });
  assert.ok((newest?.CreationDate ?? "") > (older?.CreationDate ?? ""));
  assert.deepEqual(
    [newest?.Platform, newest?.PlatformDetails, newest?.BootMode, newest?.TpmSupport],
    ["windows", "Windows", "uefi", "v2.0"],
  );
  const windows = await donors({ name: "platform", value: "windows" });
  assert.ok(windows.length > 0 && windows.every((one) => one.PlatformDetails?.includes("Windows")));
});

// [SDK RegisterImage]: derived from the snapshot's metadata, which bytes written to a volume have not
test("an image of bytes that were written to a blank volume is plain Linux", async () => {
  const image = await describe(await registeredImage(ec2));
  assert.equal(image?.PlatformDetails, "Linux/UNIX");
  assert.equal(image?.UsageOperation, "RunInstances");
});

// [SDK RegisterImage, CreateVolume]: metadata and product codes go from snapshot to volume and back
test("billing stays with snapshots of volumes of snapshots", async () => {
  const { snapshotIds: [original = ""] = [] } = await describedImage(cloud.localcloud, {
    region,
    describe: { usageOperation: "RunInstances:0010", productCodes: [{ id: "p1", type: "devpay" }] },
  });
  const volumeId = await availableVolume(ec2, { SnapshotId: original });
  const snapshotId = await completedSnapshot(ec2, volumeId);
  const id = await registeredImage(ec2, {
    BlockDeviceMappings: [{ DeviceName: "/dev/xvda", Ebs: { SnapshotId: snapshotId } }],
  });
  const image = await describe(id);
  assert.equal(image?.PlatformDetails, "Red Hat Enterprise Linux");
  assert.equal(image?.UsageOperation, "RunInstances:0010");
  assert.deepEqual(image?.ProductCodes, [{ ProductCodeId: "p1", ProductCodeType: "devpay" }]);
});

// [SDK CreateImage, AttachVolume, DetachVolume]; a donor's licence under other volumes, as Packer's
// ebssurrogate does with use_create_image
test("a stopped instance's volumes can all be swapped, and its image keeps the licence", async () => {
  const [donor] = await donors({ name: "name", value: "TPM-Windows_Server-2022-*" });
  const started = await launch(ec2, {
    ImageId: donor?.ImageId ?? "",
    InstanceType: "c7i.large",
    UserData: Buffer.from("<script>shutdown /s /t 3600</script>").toString("base64"),
    Placement: { AvailabilityZone: "us-east-1a" },
  });
  const id = started.InstanceId ?? "";
  const running = await instanceState(ec2, id, "running");
  const { spec } = cloud.machinery.machines.get(id) ?? {};
  assert.match(spec?.userData.toString() ?? "", /^#!\/bin\/sh\nsleep 3600\nshutdown/);
  const [old] = running.BlockDeviceMappings ?? [];
  const oldId = old?.Ebs?.VolumeId ?? "";
  const swap = (VolumeId: string, Device: string) =>
    ec2.send(new AttachVolumeCommand({ VolumeId, InstanceId: id, Device }));
  const rootId = await availableVolume(ec2, { VolumeType: "gp3", Size: 2 });
  const dataId = await availableVolume(ec2, { VolumeType: "io2", Size: 8, Iops: 500 });
  // [SDK DetachVolume]: the root only when stopped
  assert.equal(await refusal(detached(oldId)), "OperationNotPermitted");
  await ec2.send(new StopInstancesCommand({ InstanceIds: [id], SkipOsShutdown: true }));
  const create = { InstanceId: id, Name: "licensed copy" };
  await instanceState(ec2, id, "stopped");
  await detached(oldId);
  assert.equal(
    await refusal(ec2.send(new CreateImageCommand(create))),
    "InvalidBlockDeviceMapping",
  );
  const start = new StartInstancesCommand({ InstanceIds: [id] });
  assert.equal(await refusal(ec2.send(start)), "IncorrectInstanceState");
  await swap(rootId, "/dev/sda1");
  await swap(dataId, "/dev/sdf");
  await ec2.send(
    new ModifyInstanceAttributeCommand({
      InstanceId: id,
      BlockDeviceMappings: [{ DeviceName: "/dev/sda1", Ebs: { DeleteOnTermination: true } }],
    }),
  );
  const { ImageId: imageId = "" } = await ec2.send(new CreateImageCommand(create));
  const image = await available(imageId);
  assert.deepEqual(
    [image.PlatformDetails, image.UsageOperation, image.Platform, image.BootMode, image.TpmSupport],
    ["Windows", "RunInstances:0002", "windows", "uefi", "v2.0"],
  );
  assert.deepEqual([image.SourceInstanceId, image.SourceImageId], [id, donor?.ImageId]);
  const mappings = image.BlockDeviceMappings ?? [];
  assert.deepEqual(
    mappings.map(({ DeviceName, Ebs }) => [
      DeviceName,
      Ebs?.VolumeSize,
      Ebs?.VolumeType,
      Ebs?.Iops,
      Ebs?.DeleteOnTermination,
    ]),
    [
      ["/dev/sda1", 2, "gp3", 3000, true],
      ["/dev/sdf", 8, "io2", 500, false],
    ],
  );
});

// [SDK AttachVolume], [errors-overview] OptInRequired
test("what is of the Marketplace asks for a subscription, a stopped instance and its own system", async () => {
  const { imageId, snapshotIds: [snapshotId = ""] = [] } = await describedImage(cloud.localcloud, {
    region,
    describe: { productCodes: [{ id: "marketplace-code", type: "marketplace" }] },
  });
  assert.equal(
    await refusal(launch(ec2, { ImageId: imageId, InstanceType: "c7i.large" })),
    "OptInRequired",
  );
  const volumeId = await availableVolume(ec2, { SnapshotId: snapshotId });
  const { InstanceId: id = "" } = await launch(ec2, {
    Placement: { AvailabilityZone: "us-east-1a" },
  });
  await instanceState(ec2, id, "running");
  const attach = () =>
    ec2.send(new AttachVolumeCommand({ VolumeId: volumeId, InstanceId: id, Device: "/dev/sdf" }));
  assert.equal(await refusal(attach()), "OptInRequired");
  await cloud.localcloud.configure({ region, settings: { subscriptions: ["marketplace-code"] } });
  assert.equal(await refusal(attach()), "IncorrectState");
  await ec2.send(new StopInstancesCommand({ InstanceIds: [id] }));
  await instanceState(ec2, id, "stopped");
  await attach();
  const codes = async () => {
    const ids = new DescribeInstancesCommand({ InstanceIds: [id] });
    const shown = (await ec2.send(ids)).Reservations?.[0]?.Instances?.[0]?.ProductCodes ?? [];
    return shown.map((one) => one.ProductCodeId);
  };
  assert.deepEqual(await codes(), ["marketplace-code"]);
  await detached(volumeId);
  assert.deepEqual(await codes(), []);
  // "you can't detach a volume from a Windows instance and attach it to a Linux instance"
  const { snapshotIds: [windows = ""] = [] } = await describedImage(cloud.localcloud, {
    region,
    describe: {
      usageOperation: "RunInstances:0002",
      productCodes: [{ id: "marketplace-code", type: "marketplace" }],
    },
  });
  const other = await availableVolume(ec2, { SnapshotId: windows });
  const wrong = { VolumeId: other, InstanceId: id, Device: "/dev/sdf" };
  assert.equal(await refusal(ec2.send(new AttachVolumeCommand(wrong))), "OperationNotPermitted");
});
