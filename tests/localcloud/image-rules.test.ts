import assert from "node:assert/strict";
import { test } from "node:test";
import {
  AttachImageWatermarkCommand,
  CopyImageCommand,
  DeregisterImageCommand,
  DescribeImageAttributeCommand,
  DescribeImagesCommand,
  DisableImageDeregistrationProtectionCommand,
  EnableImageDeregistrationProtectionCommand,
  type LaunchPermission,
  ModifyImageAttributeCommand,
  RegisterImageCommand,
  type RegisterImageRequest,
  ReplaceImageInstanceTypeSpecificationCommand,
} from "@aws-sdk/client-ec2";
import {
  completedSnapshot,
  launch,
  openConformanceCloud,
  refusal,
  registeredImage,
} from "./conformance-cloud.ts";
import { describedImage } from "./described-image.ts";

const cloud = await openConformanceCloud();
const impatient = await openConformanceCloud({ deregistrationCooldown: 0 });
const ec2 = cloud.ec2();
const region = "us-east-1";
const snapshotId = await completedSnapshot(ec2);

async function describe(id: string, client = ec2) {
  const { Images: [image] = [] } = await client.send(new DescribeImagesCommand({ ImageIds: [id] }));
  return image;
}

let count = 0;
function register(request: Partial<RegisterImageRequest>, client = ec2) {
  count += 1;
  return client.send(
    new RegisterImageCommand({
      Name: `rule ${count}`,
      RootDeviceName: "/dev/xvda",
      BlockDeviceMappings: [{ DeviceName: "/dev/xvda", Ebs: { SnapshotId: snapshotId } }],
      ...request,
    }),
  );
}

// [SDK RegisterImageRequest.KernelId], [UG23 UserProvidedKernels]: a region has its own, new ones none
test("a paravirtual image has a kernel of its region, an HVM image none", async () => {
  const kernel = { VirtualizationType: "paravirtual", Architecture: "x86_64" } as const;
  const { ImageId: id = "" } = await register({ ...kernel, KernelId: "aki-919dcaf8" });
  const image = await describe(id);
  assert.deepEqual([image?.KernelId, image?.VirtualizationType], ["aki-919dcaf8", "paravirtual"]);
  const attribute = new DescribeImageAttributeCommand({ ImageId: id, Attribute: "kernel" });
  assert.equal((await ec2.send(attribute)).KernelId?.Value, "aki-919dcaf8");
  const elsewhere = register({ ...kernel, KernelId: "aki-52a34525" });
  assert.equal(await refusal(elsewhere), "InvalidAMIID.NotFound");
  const hvm = register({ VirtualizationType: "hvm", KernelId: "aki-919dcaf8" });
  assert.equal(await refusal(hvm), "InvalidParameterCombination");
});

// [SDK RegisterImageRequest]: HVM only; limits; accounts that Amazon authorized
test("what an image cannot be registered with is refused", async () => {
  const code = (request: Partial<RegisterImageRequest>) => refusal(register(request));
  assert.equal(await code({ EnaSupport: true }), "InvalidParameterCombination");
  assert.equal(await code({ SriovNetSupport: "simple" }), "InvalidParameterCombination");
  assert.equal(await code({ Architecture: "arm64" }), "InvalidParameterCombination");
  const hvm = { VirtualizationType: "hvm", BootMode: "uefi" } as const;
  assert.equal(await code({ ...hvm, UefiData: "not base64!" }), "InvalidParameterValue");
  assert.equal(await code({ ...hvm, UefiData: "A".repeat(64_004) }), "InvalidParameterValue");
  assert.equal(await code({ ...hvm, BillingProducts: ["bp-6fa54006"] }), "AuthFailure");
  assert.equal(await code({ Description: "d".repeat(256) }), "InvalidParameterValue");
  assert.equal(await code({ ...hvm, Architecture: "vax" as "i386" }), "InvalidParameterValue");
  const root = { DeviceName: "/dev/xvda", Ebs: { SnapshotId: snapshotId } };
  const wrong = (mapping: object) => code({ BlockDeviceMappings: [root, mapping] });
  const keyed = { DeviceName: "/dev/sdf", Ebs: { VolumeSize: 1, KmsKeyId: "alias/amicopy-test" } };
  assert.equal(await wrong(keyed), "InvalidBlockDeviceMapping");
  const ephemeral = { DeviceName: "/dev/sdf", VirtualName: "ephemeral24" };
  assert.equal(await wrong(ephemeral), "InvalidBlockDeviceMapping");
});

// [SDK EnableImageDeregistrationProtection, DisableImageDeregistrationProtection]
test("a protected image is not deregistered, and after a cooldown only when that is over", async () => {
  const protect = async (client: typeof ec2, id: string, WithCooldown: boolean) => {
    await client.send(
      new EnableImageDeregistrationProtectionCommand({ ImageId: id, WithCooldown }),
    );
    return (await describe(id, client))?.DeregistrationProtection;
  };
  const deregister = (client: typeof ec2, id: string) =>
    client.send(new DeregisterImageCommand({ ImageId: id }));
  const disable = (client: typeof ec2, id: string) =>
    client.send(new DisableImageDeregistrationProtectionCommand({ ImageId: id }));
  const id = await registeredImage(ec2);
  assert.equal(await protect(ec2, id, false), "enabled-without-cooldown");
  assert.equal(await refusal(deregister(ec2, id)), "OperationNotPermitted");
  assert.equal(await protect(ec2, id, true), "enabled-with-cooldown");
  await disable(ec2, id);
  await assert.rejects(deregister(ec2, id), { name: "OperationNotPermitted", message: /cooldown/ });
  // Where a day is over at once.
  const quick = impatient.ec2();
  const other = await registeredImage(quick);
  await protect(quick, other, true);
  await disable(quick, other);
  await deregister(quick, other);
});

// [SDK LaunchPermission]: accounts, everyone, organizations and their units
test("an image is shared with organizations of its partition, and seen by their accounts", async () => {
  const id = await registeredImage(ec2);
  const other = cloud.ec2("aws-2");
  const share = (item: LaunchPermission, what: "Add" | "Remove" = "Add") =>
    ec2.send(
      new ModifyImageAttributeCommand({ ImageId: id, LaunchPermission: { [what]: [item] } }),
    );
  const prefix = "arn:aws:organizations::100000000001";
  const organization = { OrganizationArn: `${prefix}:organization/o-amicopy1234` };
  const unit = { OrganizationalUnitArn: `${prefix}:ou/o-amicopy1234/ou-ab12-34567890` };
  for (const item of [organization, unit]) {
    assert.equal(await refusal(describe(id, other)), "InvalidAMIID.NotFound");
    await share(item);
    assert.equal((await describe(id, other))?.ImageId, id);
    const attribute = { ImageId: id, Attribute: "launchPermission" } as const;
    const shown = await ec2.send(new DescribeImageAttributeCommand(attribute));
    assert.deepEqual(shown.LaunchPermissions, [item]);
    await share(item, "Remove");
  }
  const foreign = "arn:aws-us-gov:organizations::200000000001:organization/o-amicopy1234";
  assert.equal(await refusal(share({ OrganizationArn: foreign })), "InvalidAMIAttributeItemValue");
});

// [SDK ModifyImageAttribute, AttachImageWatermark]
test("what may not be public cannot be made so", async () => {
  const publish = (ImageId: string) =>
    ec2.send(
      new ModifyImageAttributeCommand({ ImageId, LaunchPermission: { Add: [{ Group: "all" }] } }),
    );
  const make = async (describe: object) =>
    (await describedImage(cloud.localcloud, { region, describe })).imageId;
  const snapshots = { "/dev/xvda": { kmsKeyId: "alias/amicopy-test" } };
  for (const one of [
    { snapshots },
    { productCodes: [{ id: "p", type: "marketplace" }] },
    { watermarks: ["ours"] },
  ]) {
    assert.equal(await refusal(publish(await make(one))), "OperationNotPermitted");
  }
  const id = await registeredImage(ec2);
  await publish(id);
  const mark = new AttachImageWatermarkCommand({ ImageId: id, WatermarkName: "late" });
  assert.equal(await refusal(ec2.send(mark)), "OperationNotPermitted");
});

// [SDK AttachImageWatermark]: propagates through CopyImage; the key is of whoever attached it
test("a watermark goes along with a copy", async () => {
  const id = await registeredImage(ec2);
  const mark = { ImageId: id, WatermarkName: "reviewed" };
  const { WatermarkKey: key } = await ec2.send(new AttachImageWatermarkCommand(mark));
  assert.equal(key, "100000000001:reviewed");
  const { ImageId: copyId = "" } = await ec2.send(
    new CopyImageCommand({ Name: "marked copy", SourceImageId: id, SourceRegion: region }),
  );
  assert.equal((await describe(copyId))?.ImageWatermarks?.[0]?.WatermarkKey, key);
});

// [SDK ReplaceImageInstanceTypeSpecification]
test("an image can be kept from instance types", async () => {
  const id = await registeredImage(ec2);
  const specify = (InstanceTypeSpecification?: object) =>
    ec2.send(
      new ReplaceImageInstanceTypeSpecificationCommand({ ImageId: id, InstanceTypeSpecification }),
    );
  const run = () => launch(ec2, { ImageId: id, InstanceType: "c7g.large" });
  await specify({ SupportedInstanceTypes: ["c8g.*"] });
  assert.equal(await refusal(run()), "InvalidParameterCombination");
  await specify({ SupportedInstanceTypes: ["c7g.*"], UnsupportedInstanceTypes: ["*.large"] });
  assert.equal(await refusal(run()), "InvalidParameterCombination");
  assert.equal(
    await refusal(specify({ SupportedInstanceTypes: ["a**"] })),
    "InvalidParameterValue",
  );
  await specify();
  await run();
  assert.ok((await describe(id))?.LastLaunchedTime);
});
