/** How much an image takes: permissions, dates, marks, devices; and what its owner alone may do. */

import assert from "node:assert/strict";
import { test } from "node:test";
import {
  AttachImageWatermarkCommand,
  DescribeImagesCommand,
  DisableImageDeprecationCommand,
  EnableImageDeprecationCommand,
  EnableImageDeregistrationProtectionCommand,
  type LaunchPermission,
  ModifyImageAttributeCommand,
  ModifySnapshotAttributeCommand,
  RegisterImageCommand,
  type RegisterImageRequest,
  ReplaceImageInstanceTypeSpecificationCommand,
} from "@aws-sdk/client-ec2";
import {
  completedSnapshot,
  openConformanceCloud,
  refusal,
  registeredImage,
} from "./conformance-cloud.ts";
import { describedImage } from "./described-image.ts";

const cloud = await openConformanceCloud();
const ec2 = cloud.ec2();
const region = "us-east-1";
const DAY_MS = 86_400_000;
const YEAR_MS = 365 * DAY_MS;
const SnapshotId = await completedSnapshot(ec2);
const root = { DeviceName: "/dev/xvda", Ebs: { SnapshotId } };

const share = (ImageId: string, Add: LaunchPermission[]) =>
  ec2.send(new ModifyImageAttributeCommand({ ImageId, LaunchPermission: { Add } }));

// [UG ami-quotas]: 1,000 entities an image
test("an image is shared with a thousand, and with no one more", async () => {
  const id = await registeredImage(ec2);
  const unit = (index: number) => ({
    OrganizationalUnitArn: `arn:aws:organizations::100000000001:ou/o-amicopy1234/ou-ab12-${String(index).padStart(8, "0")}`,
  });
  await share(
    id,
    Array.from({ length: 1000 }, (_, index) => unit(index)),
  );
  assert.equal(await refusal(share(id, [unit(1000)])), "ResourceLimitExceeded");
});

// [SDK ModifySnapshotAttribute]: at most 500 in a call
test("more than 500 permissions of a snapshot are not changed in one call", async () => {
  const change = (count: number) =>
    ec2.send(
      new ModifySnapshotAttributeCommand({
        SnapshotId,
        Attribute: "createVolumePermission",
        CreateVolumePermission: { Add: Array(count).fill({ UserId: "100000000002" }) },
      }),
    );
  await change(500);
  assert.equal(await refusal(change(501)), "InvalidParameterValue");
});

// [UG ami-quotas]: public images of a region, 5 unless raised; the code is a guess
test("an account has only so many public images", async () => {
  const [first, second] = [await registeredImage(ec2), await registeredImage(ec2)];
  await cloud.localcloud.configure({
    region,
    account: "aws-1",
    settings: { quotas: { publicImages: 1 } },
  });
  await share(first, [{ Group: "all" }]);
  await share(first, [{ Group: "all" }]);
  assert.equal(await refusal(share(second, [{ Group: "all" }])), "ResourceLimitExceeded");
  await cloud.localcloud.configure({
    region,
    account: "aws-1",
    settings: { quotas: { publicImages: 9 } },
  });
});

// [SDK EnableImageDeprecationRequest.DeprecateAt]: in the future, 10 years ahead, a public image 2
test("a deprecation date is ahead, and at most ten years, of a public image two", async () => {
  const id = await registeredImage(ec2);
  const deprecate = (afterMs: number) => {
    const DeprecateAt = new Date(Date.now() + afterMs);
    return ec2.send(new EnableImageDeprecationCommand({ ImageId: id, DeprecateAt }));
  };
  assert.equal(await refusal(deprecate(-DAY_MS)), "InvalidParameterValue");
  assert.equal(await refusal(deprecate(10 * YEAR_MS + 9 * DAY_MS)), "InvalidParameterValue");
  await deprecate(9 * YEAR_MS);
  await share(id, [{ Group: "all" }]);
  assert.equal(await refusal(deprecate(2 * YEAR_MS + 9 * DAY_MS)), "InvalidParameterValue");
  await deprecate(YEAR_MS);
});

// [SDK EnableImageDeprecationRequest.DeprecateAt]: "rounds the seconds to the nearest minute"
test("the seconds of a deprecation date are rounded to the minute", async () => {
  const ImageId = await registeredImage(ec2);
  const DeprecateAt = new Date("2030-01-02T03:04:31.000Z");
  await ec2.send(new EnableImageDeprecationCommand({ ImageId, DeprecateAt }));
  const { Images } = await ec2.send(new DescribeImagesCommand({ ImageIds: [ImageId] }));
  assert.equal(Images?.[0]?.DeprecationTime, "2030-01-02T03:05:00.000Z");
});

// [SDK AttachImageWatermark, ReplaceImageInstanceTypeSpecification, EnableImageDeprecation,
// EnableImageDeregistrationProtection, ModifyImageAttribute]: its owner only
test("what others may launch they may not mark, limit, deprecate, protect or share", async () => {
  const ImageId = await registeredImage(ec2);
  await share(ImageId, [{ UserId: "100000000002" }]);
  const other = cloud.ec2("aws-2");
  const DeprecateAt = new Date(Date.now() + DAY_MS);
  const LaunchPermission = { Add: [{ UserId: "100000000002" }] };
  const calls: Promise<unknown>[] = [
    other.send(new AttachImageWatermarkCommand({ ImageId, WatermarkName: "mine" })),
    other.send(new ReplaceImageInstanceTypeSpecificationCommand({ ImageId })),
    other.send(new EnableImageDeprecationCommand({ ImageId, DeprecateAt })),
    other.send(new DisableImageDeprecationCommand({ ImageId })),
    other.send(new EnableImageDeregistrationProtectionCommand({ ImageId })),
    other.send(new ModifyImageAttributeCommand({ ImageId, LaunchPermission })),
  ];
  for (const call of calls) assert.equal(await refusal(call), "AuthFailure");
});

// [SDK ReplaceImageInstanceTypeSpecification]: "not supported for AWS Marketplace AMIs"
test("an image of the Marketplace is not kept from instance types", async () => {
  const productCodes = [{ id: "abc", type: "marketplace" as const }];
  const { imageId: ImageId } = await describedImage(cloud.localcloud, {
    region,
    describe: { productCodes },
  });
  const InstanceTypeSpecification = { SupportedInstanceTypes: ["c7g.*"] };
  const call = new ReplaceImageInstanceTypeSpecificationCommand({
    ImageId,
    InstanceTypeSpecification,
  });
  assert.equal(await refusal(ec2.send(call)), "OperationNotPermitted");
});

let count = 0;
function register(
  ...BlockDeviceMappings: NonNullable<RegisterImageRequest["BlockDeviceMappings"]>
) {
  count += 1;
  return ec2.send(
    new RegisterImageCommand({
      Name: `limits ${count}`,
      Architecture: "arm64",
      VirtualizationType: "hvm",
      RootDeviceName: "/dev/xvda",
      BlockDeviceMappings,
    }),
  );
}

// [SDK EbsBlockDevice]: ranges and required figures hold in a mapping as for a volume
test("the figures of a mapping are those of a volume of its type", async () => {
  const code = (Ebs: object) => refusal(register(root, { DeviceName: "/dev/sdf", Ebs }));
  assert.equal(await code({ VolumeSize: 124, VolumeType: "st1" }), "InvalidParameterValue");
  assert.equal(await code({ VolumeSize: 1025, VolumeType: "standard" }), "InvalidParameterValue");
  assert.equal(await code({ VolumeSize: 100, VolumeType: "io2" }), "MissingParameter");
  const fast = { VolumeSize: 100, VolumeType: "gp3" };
  assert.equal(await code({ ...fast, Iops: 80_001 }), "InvalidParameterValue");
  assert.equal(await code({ ...fast, Iops: 50_001 }), "InvalidParameterCombination");
  assert.equal(await code({ ...fast, Throughput: 2_001 }), "InvalidParameterValue");
  assert.equal(await code({ ...fast, Throughput: 751 }), "InvalidParameterCombination");
  const slow = { VolumeSize: 100, VolumeType: "gp2", Throughput: 125 };
  assert.equal(await code(slow), "InvalidParameterCombination");
  assert.equal(await code({ VolumeType: "gp3" }), "MissingParameter");
  assert.equal(await code({ VolumeSize: 1, VolumeType: "gp9" }), "UnknownVolumeType");
});

// [SDK EbsBlockDevice.Encrypted]: "If you are creating a block device mapping from an existing
// snapshot", none; for a blank volume either; [SDK BlockDeviceMapping.NoDevice]
test("a blank volume may be encrypted or not, and a device may be left out", async () => {
  const blank = (DeviceName: string, Encrypted: boolean) => ({
    DeviceName,
    Ebs: { VolumeSize: 1, VolumeType: "gp3" as const, Encrypted },
  });
  const { ImageId = "" } = await register(root, blank("/dev/sdf", true), blank("/dev/sdg", false), {
    DeviceName: "/dev/sdh",
    NoDevice: "",
  });
  const { Images } = await ec2.send(new DescribeImagesCommand({ ImageIds: [ImageId] }));
  const shown = Images?.[0]?.BlockDeviceMappings?.map(({ DeviceName, Ebs }) => [
    DeviceName,
    Ebs?.Encrypted,
  ]);
  assert.deepEqual(shown, [
    ["/dev/xvda", false],
    ["/dev/sdf", true],
    ["/dev/sdg", false],
  ]);
});
