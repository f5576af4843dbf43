import assert from "node:assert/strict";
import { open } from "node:fs/promises";
import { dirname, join } from "node:path";
import { test } from "node:test";
import {
  CreateImageCommand,
  CreateSnapshotsCommand,
  DescribeImageAttributeCommand,
  DescribeImagesCommand,
  DescribeSnapshotsCommand,
  GetInstanceUefiDataCommand,
  StopInstancesCommand,
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
const ec2 = cloud.ec2();
const region = "us-east-1";
const disk = { DeviceName: "/dev/sdf", Ebs: { VolumeSize: 1, VolumeType: "gp3" as const } };

async function settled(id: string) {
  return until(async () => {
    const { Images: [image] = [] } = await ec2.send(new DescribeImagesCommand({ ImageIds: [id] }));
    return image?.State !== "pending" && image;
  });
}

async function running(request: Parameters<typeof launch>[1] = {}): Promise<string> {
  const { InstanceId: id = "" } = await launch(ec2, { BlockDeviceMappings: [disk], ...request });
  await instanceState(ec2, id, "running");
  return id;
}

// [SDK CreateImageRequest.TagSpecifications]: one set for the image, one for all snapshots
test("an image of an instance has snapshots of all its volumes, with tags as asked for", async () => {
  const id = await running();
  const name = { Key: "Name", Value: "of the image" };
  const part = { Key: "part", Value: "of it" };
  const { ImageId: imageId = "" } = await ec2.send(
    new CreateImageCommand({
      InstanceId: id,
      Name: "of an instance",
      Description: "d",
      NoReboot: true,
      TagSpecifications: [
        { ResourceType: "image", Tags: [name] },
        { ResourceType: "snapshot", Tags: [part] },
      ],
    }),
  );
  const image = await settled(imageId);
  assert.equal(image.State, "available");
  assert.deepEqual([image.Description, image.Tags], ["d", [name]]);
  assert.deepEqual([image.BootMode, image.ImdsSupport, image.EnaSupport], ["uefi", "v2.0", true]);
  const ids = (image.BlockDeviceMappings ?? []).flatMap((one) => one.Ebs?.SnapshotId ?? []);
  assert.equal(ids.length, 2);
  const request = new DescribeSnapshotsCommand({ SnapshotIds: ids });
  for (const one of (await ec2.send(request)).Snapshots ?? []) {
    assert.deepEqual([one.State, one.Tags], ["completed", [part]]);
    assert.equal(one.Description, `Created by CreateImage(${id}) for ${imageId}`);
  }
});

// [SDK CreateImage]: running or stopped; the words as Packer's ebssurrogate waits for them
test("there is no image of an instance on its way", async () => {
  const slow = (await openConformanceCloud({ instancePending: 60_000 })).ec2();
  const { InstanceId: id = "" } = await launch(slow);
  await assert.rejects(slow.send(new CreateImageCommand({ InstanceId: id, Name: "early" })), {
    name: "InvalidParameterValue",
    message: /^Instance is not in state/,
  });
});

// [SDK CreateImageRequest.NoReboot]: rebooted unless it says otherwise
test("a running instance is restarted for it, unless that is not wanted", async () => {
  const id = await running();
  const before = cloud.machinery.machines.get(id);
  await ec2.send(new CreateImageCommand({ InstanceId: id, Name: "warm", NoReboot: true }));
  assert.equal(cloud.machinery.machines.get(id), before);
  await ec2.send(new CreateImageCommand({ InstanceId: id, Name: "cold" }));
  await until(async () => cloud.machinery.machines.get(id) !== before);
  assert.equal(before?.stopped, true);
  await instanceState(ec2, id, "running");
});

// [SDK CreateImageRequest.BlockDeviceMappings]: only DeleteOnTermination of what is there can change
test("mappings can leave a volume out, keep it longer, and nothing else", async () => {
  const id = await running();
  const create = (mapping: object) =>
    ec2.send(
      new CreateImageCommand({
        InstanceId: id,
        Name: "mapped",
        NoReboot: true,
        BlockDeviceMappings: [mapping],
      }),
    );
  const code = (mapping: object) => refusal(create(mapping));
  const larger = { DeviceName: "/dev/sdf", Ebs: { VolumeSize: 9 } };
  assert.equal(await code(larger), "InvalidBlockDeviceMapping");
  assert.equal(await code({ DeviceName: "/dev/xvda", NoDevice: "" }), "InvalidBlockDeviceMapping");
  const elsewhere = { DeviceName: "/dev/sdz", Ebs: { DeleteOnTermination: true } };
  assert.equal(await code(elsewhere), "InvalidBlockDeviceMapping");
  const { ImageId: kept = "" } = await create({
    DeviceName: "/dev/sdf",
    Ebs: { DeleteOnTermination: true },
  });
  const flags = (await settled(kept)).BlockDeviceMappings?.map(
    (one) => one.Ebs?.DeleteOnTermination,
  );
  assert.deepEqual(flags, [true, true]);
  assert.equal(await code({ DeviceName: "/dev/sdf", NoDevice: "" }), "InvalidAMIName.Duplicate");
});

// [SDK CreateSnapshots]; [EBSUG ebs-copy-snapshot]: what is wrong with a key shows in the state
test("snapshots of a stopped instance have its bytes; under a lost key they fail late", async () => {
  const Encrypted = true;
  const KmsKeyId = "alias/amicopy-test";
  const id = await running({
    BlockDeviceMappings: [{ ...disk, Ebs: { ...disk.Ebs, Encrypted, KmsKeyId } }],
  });
  await ec2.send(new StopInstancesCommand({ InstanceIds: [id] }));
  const stopped = await instanceState(ec2, id, "stopped");
  const data = stopped.BlockDeviceMappings?.find((one) => one.DeviceName === "/dev/sdf");
  const folder = dirname(cloud.localcloud.env.AWS_CONFIG_FILE ?? "");
  const file = await open(join(folder, "volumes", data?.Ebs?.VolumeId ?? ""), "r+");
  await file.write("data of a stopped instance", 0);
  await file.close();
  const snapshot = async (ExcludeBootVolume: boolean) => {
    const { Snapshots: made = [] } = await ec2.send(
      new CreateSnapshotsCommand({ InstanceSpecification: { InstanceId: id, ExcludeBootVolume } }),
    );
    return Promise.all(
      made.map(({ SnapshotId = "" }) =>
        until(async () => {
          const ids = new DescribeSnapshotsCommand({ SnapshotIds: [SnapshotId] });
          const one = (await ec2.send(ids)).Snapshots?.[0];
          return one?.State !== "pending" && one;
        }),
      ),
    );
  };
  const all = await snapshot(false);
  assert.deepEqual(
    all.map((one) => one.State),
    ["completed", "completed"],
  );
  const path = join(folder, "exported.raw");
  const snapshotId = all.find((one) => one.Encrypted)?.SnapshotId ?? "";
  await cloud.localcloud.exportSnapshot({ region, snapshotId, path });
  const exported = await open(path, "r");
  const { buffer } = await exported.read(Buffer.alloc(26), 0, 26, 0);
  await exported.close();
  assert.equal(buffer.toString(), "data of a stopped instance");
  await cloud.localcloud.configure({
    region,
    settings: { keys: { [KmsKeyId]: { enabled: false } } },
  });
  const [failed] = await snapshot(true);
  assert.deepEqual(
    [failed?.State, failed?.StateMessage],
    ["error", "Given key ID is not accessible"],
  );
  const { ImageId: imageId = "" } = await ec2.send(
    new CreateImageCommand({ InstanceId: id, Name: "under a lost key" }),
  );
  const image = await settled(imageId);
  assert.equal(image.State, "failed");
  assert.match(image.StateReason?.Message ?? "", /Given key ID is not accessible/);
});

// [SDK AttachImageWatermark]: propagates through CreateImage; [UG ami-ancestry]; boot variables go along
test("an image of an instance has the watermarks, variables and ancestry of what was launched", async () => {
  const uefiData = Buffer.from("AMZNUEFI").toString("base64");
  const watermarks = ["100000000002:theirs"];
  const { imageId } = await describedImage(cloud.localcloud, {
    region,
    describe: { bootMode: "uefi", uefiData, watermarks },
  });
  const id = await running({ ImageId: imageId, InstanceType: "c7i.large" });
  const create = new CreateImageCommand({ InstanceId: id, Name: "a child", NoReboot: true });
  const { ImageId: childId = "" } = await ec2.send(create);
  const child = await settled(childId);
  assert.deepEqual(
    [child.SourceImageId, child.SourceImageRegion, child.SourceInstanceId],
    [imageId, region, id],
  );
  assert.deepEqual(
    child.ImageWatermarks?.map((one) => one.WatermarkKey),
    watermarks,
  );
  const ask = new DescribeImageAttributeCommand({ ImageId: childId, Attribute: "uefiData" });
  assert.equal((await ec2.send(ask)).UefiData?.Value, uefiData);
});

// [SDK GetInstanceUefiData]: the variables of an image that cannot be asked for them itself
test("an instance that boots by UEFI tells its variables, one that boots by BIOS has none", async () => {
  const uefiData = Buffer.from("AMZNUEFI of a person").toString("base64");
  const { imageId } = await describedImage(cloud.localcloud, {
    region,
    describe: { bootMode: "uefi", uefiData },
  });
  const ask = async (ImageId: string) => {
    const { InstanceId: id = "" } = await launch(ec2, { ImageId, InstanceType: "c7i.large" });
    return ec2.send(new GetInstanceUefiDataCommand({ InstanceId: id }));
  };
  assert.equal((await ask(imageId)).UefiData, uefiData);
  const { imageId: bios } = await describedImage(cloud.localcloud, {
    region,
    describe: { bootMode: "legacy-bios" },
  });
  assert.equal(await refusal(ask(bios)), "UnsupportedOperation");
});
