import assert from "node:assert/strict";
import { test } from "node:test";
import {
  CreateSecurityGroupCommand,
  CreateSnapshotCommand,
  CreateVolumeCommand,
  DescribeImagesCommand,
  DisableImageBlockPublicAccessCommand,
  EnableAllowedImagesSettingsCommand,
  EnableEbsEncryptionByDefaultCommand,
  EnableImageBlockPublicAccessCommand,
  EnableSnapshotBlockPublicAccessCommand,
  GetAllowedImagesSettingsCommand,
  GetEbsDefaultKmsKeyIdCommand,
  GetImageBlockPublicAccessStateCommand,
  GetSnapshotBlockPublicAccessStateCommand,
  ModifyEbsDefaultKmsKeyIdCommand,
  ModifyImageAttributeCommand,
  ModifySnapshotAttributeCommand,
  ReplaceImageCriteriaInAllowedImagesSettingsCommand,
  ResetEbsDefaultKmsKeyIdCommand,
  RunInstancesCommand,
} from "@aws-sdk/client-ec2";
import {
  availableVolume,
  completedSnapshot,
  launch,
  newestHelperImage,
  openConformanceCloud,
  refusal,
  registeredImage,
} from "./conformance-cloud.ts";

const cloud = await openConformanceCloud();
const ec2 = cloud.ec2();

/** Each case in a region of its own: settings are an account's in a region. */
function inRegion(region: string, profile = "aws-1") {
  const client = cloud.ec2(profile, region);
  const configure = (settings: object) =>
    cloud.localcloud.configure({ region, account: profile, settings });
  return { client, configure, zone: `${region}a` };
}

async function ownImage(client: typeof ec2, zone: string): Promise<string> {
  const volumeId = await availableVolume(client, { AvailabilityZone: zone });
  const SnapshotId = await completedSnapshot(client, volumeId);
  return registeredImage(client, {
    BlockDeviceMappings: [{ DeviceName: "/dev/xvda", Ebs: { SnapshotId } }],
  });
}

// [SDK EnableImageBlockPublicAccess]; the code as seen in hortonworks/cloudbreak-images#926
test("block public access keeps new images private, not those that are public", async () => {
  const { client, zone } = inRegion("us-east-2");
  const publish = async () => {
    const change = { LaunchPermission: { Add: [{ Group: "all" as const }] } };
    const ImageId = await ownImage(client, zone);
    await client.send(new ModifyImageAttributeCommand({ ImageId, ...change }));
    return ImageId;
  };
  const before = await publish();
  const ImageBlockPublicAccessState = "block-new-sharing";
  await client.send(new EnableImageBlockPublicAccessCommand({ ImageBlockPublicAccessState }));
  const get = new GetImageBlockPublicAccessStateCommand({});
  assert.equal((await client.send(get)).ImageBlockPublicAccessState, "block-new-sharing");
  assert.equal(await refusal(publish()), "OperationNotPermitted");
  const request = new DescribeImagesCommand({ ImageIds: [before] });
  assert.equal((await client.send(request)).Images?.[0]?.Public, true);
  await client.send(new DisableImageBlockPublicAccessCommand({}));
  await publish();
});

// [SDK EnableSnapshotBlockPublicAccess]: block-all-sharing also hides those that are public
test("block public access for snapshots takes back what was public, when told so", async () => {
  const { client, zone } = inRegion("us-west-1");
  const other = inRegion("us-west-1", "aws-2").client;
  const volume = await availableVolume(client, { AvailabilityZone: zone });
  const id = await completedSnapshot(client, volume);
  const share = () =>
    client.send(
      new ModifySnapshotAttributeCommand({
        SnapshotId: id,
        CreateVolumePermission: { Add: [{ Group: "all" }] },
      }),
    );
  const use = () => other.send(new CreateVolumeCommand({ AvailabilityZone: zone, SnapshotId: id }));
  await share();
  await use();
  await client.send(new EnableSnapshotBlockPublicAccessCommand({ State: "block-new-sharing" }));
  assert.equal(await refusal(share()), "OperationNotPermitted");
  await use();
  await client.send(new EnableSnapshotBlockPublicAccessCommand({ State: "block-all-sharing" }));
  assert.equal(await refusal(use()), "InvalidSnapshot.NotFound");
  const get = new GetSnapshotBlockPublicAccessStateCommand({});
  assert.equal((await client.send(get)).State, "block-all-sharing");
});

// [SDK ImageCriterion, EnableAllowedImagesSettings]; [UG ec2-allowed-amis]: own images always
test("images that an account does not allow itself are not there for it", async () => {
  const { client } = inRegion("us-west-2");
  const helper = await newestHelperImage(client);
  const own = await ownImage(client, "us-west-2a");
  const enable = (AllowedImagesSettingsState: "enabled" | "audit-mode") =>
    client.send(new EnableAllowedImagesSettingsCommand({ AllowedImagesSettingsState }));
  const find = async (id: string) =>
    (await client.send(new DescribeImagesCommand({ ImageIds: [id] }))).Images?.[0];
  assert.equal((await find(helper))?.ImageAllowed, undefined);
  const set = (ImageCriteria: object[]) =>
    client.send(new ReplaceImageCriteriaInAllowedImagesSettingsCommand({ ImageCriteria }));
  await set([{ ImageProviders: ["none"] }]);
  await enable("audit-mode");
  assert.deepEqual(
    [(await find(helper))?.ImageAllowed, (await find(own))?.ImageAllowed],
    [false, true],
  );
  await enable("enabled");
  assert.equal(await refusal(find(helper)), "InvalidAMIID.NotFound");
  assert.equal(await refusal(launch(client, { ImageId: helper })), "InvalidAMIID.NotFound");
  assert.ok(await find(own));
  await set([{ ImageProviders: ["amazon"], ImageNames: ["al2023-*"] }]);
  assert.equal((await find(helper))?.ImageAllowed, true);
  const settings = await client.send(new GetAllowedImagesSettingsCommand({}));
  assert.equal(settings.State, "enabled");
  assert.deepEqual(settings.ImageCriteria?.[0]?.ImageProviders, ["amazon"]);
});

// [errors-overview]: each quota has its own code, found out by the call that is too much
test("quotas are refused by their codes, and a dry run says nothing of them", async () => {
  const { client, configure, zone } = inRegion("eu-west-1");
  const volume = { AvailabilityZone: zone, Size: 8 };
  const VolumeId = await availableVolume(client, volume);
  const vcpus = { vcpus: 3, volumeGib: 9, snapshots: 0, securityGroups: 1 };
  await configure({ quotas: vcpus });
  const run = {
    ImageId: await newestHelperImage(client),
    InstanceType: "c7g.large" as const,
    MinCount: 2,
    MaxCount: 2,
  };
  assert.equal(await refusal(client.send(new RunInstancesCommand(run))), "VcpuLimitExceeded");
  const dry = new RunInstancesCommand({ ...run, DryRun: true });
  assert.equal(await refusal(client.send(dry)), "DryRunOperation");
  assert.equal(await refusal(client.send(new CreateVolumeCommand(volume))), "VolumeLimitExceeded");
  const snapshot = () => client.send(new CreateSnapshotCommand({ VolumeId }));
  assert.equal(await refusal(snapshot()), "SnapshotLimitExceeded");
  await configure({ quotas: { snapshots: 9, pendingSnapshots: 0 } });
  assert.equal(await refusal(snapshot()), "PendingSnapshotLimitExceeded");
  const group = new CreateSecurityGroupCommand({ GroupName: "g", Description: "d" });
  assert.equal(await refusal(client.send(group)), "SecurityGroupLimitExceeded");
});

// [SDK … DryRun]: "DryRunOperation … Otherwise, it is UnauthorizedOperation"
test("what is denied is refused before all else, in a dry run too", async () => {
  const { client, configure } = inRegion("eu-central-1");
  await configure({ denied: ["ec2:Create*", "ec2:RunInstances"] });
  for (const DryRun of [true, false]) {
    const group = new CreateSecurityGroupCommand({ GroupName: "", Description: "", DryRun });
    await assert.rejects(client.send(group), {
      name: "UnauthorizedOperation",
      message: /arn:aws:iam::100000000001:user\/amicopy .*ec2:CreateSecurityGroup/,
    });
  }
  assert.equal(await refusal(launch(client)), "UnauthorizedOperation");
  await client.send(new DescribeImagesCommand({ Owners: ["self"] }));
  await inRegion("eu-central-1", "aws-2").client.send(
    new CreateSecurityGroupCommand({ GroupName: "g", Description: "d" }),
  );
});

// [SDK ModifyEbsDefaultKmsKeyId, EnableEbsEncryptionByDefault], [terraform-provider-aws], [AWS CLI examples]
test("encryption by default takes the default key, aws/ebs or another", async () => {
  const { client, configure, zone } = inRegion("ap-northeast-1");
  const { keyArns } = await configure({});
  const unchosen = await client.send(new GetEbsDefaultKmsKeyIdCommand({}));
  assert.equal(unchosen.KmsKeyId, "alias/aws/ebs");
  await client.send(new EnableEbsEncryptionByDefaultCommand({}));
  const made = async () => {
    const volume = new CreateVolumeCommand({ AvailabilityZone: zone, Size: 1 });
    return (await client.send(volume)).KmsKeyId;
  };
  assert.equal(await made(), keyArns["alias/aws/ebs"]);
  const KmsKeyId = "alias/amicopy-test";
  await client.send(new ModifyEbsDefaultKmsKeyIdCommand({ KmsKeyId }));
  assert.equal(await made(), keyArns[KmsKeyId]);
  const get = await client.send(new GetEbsDefaultKmsKeyIdCommand({}));
  assert.equal(get.KmsKeyId, keyArns[KmsKeyId]);
  const reset = await client.send(new ResetEbsDefaultKmsKeyIdCommand({}));
  assert.equal(reset.KmsKeyId, keyArns["alias/aws/ebs"]);
  assert.equal(await made(), keyArns["alias/aws/ebs"]);
});

// [UG sharingamis-explicit]: a key must be granted to whoever is to read what it encrypts
test("a key of another account is usable by its ARN once it is granted", async () => {
  const there = inRegion("us-east-1", "aws-2");
  const { keyArns } = await there.configure({});
  const KmsKeyId = keyArns["alias/amicopy-test"];
  const grant = (grantedTo: string[]) =>
    there.configure({ keys: { "alias/amicopy-test": { grantedTo } } });
  const { VolumeId: id = "" } = await ec2.send(
    new CreateVolumeCommand({
      AvailabilityZone: "us-east-1a",
      Size: 1,
      Encrypted: true,
      KmsKeyId,
    }),
  );
  const broken = new CreateSnapshotCommand({ VolumeId: id });
  assert.equal(await refusal(ec2.send(broken)), "IncorrectState");
  await grant(["100000000001"]);
  await availableVolume(ec2, { Encrypted: true, KmsKeyId });
});
