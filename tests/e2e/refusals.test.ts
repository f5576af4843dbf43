/** What cannot work is refused before anything is created, in sentences that say what to do. */

import assert from "node:assert/strict";
import { after, before, suite, test } from "node:test";
import { ModifyImageAttributeCommand, RegisterImageCommand } from "@aws-sdk/client-ec2";
import { destination, openScene, type Scene, type SourceImage, source } from "./scene.ts";
import type { Stack } from "./stack.ts";

suite("a copy that cannot work", { timeout: 240_000 }, () => {
  let scene: Scene;
  let stack: Stack;
  let good: SourceImage;
  let inventory: string[];

  before(async () => {
    scene = await openScene({ delays: { imagePending: 600_000 } });
    good = await scene.importImage("golden");
    stack = await scene.newStack();
  });
  after(() => scene.close());

  /** Exactly these sentences, in any order, and nothing was created. */
  async function assertRefused(copy: object, ...sentences: RegExp[]): Promise<void> {
    inventory = await scene.inventory();
    const writesBefore = writes();
    stack.declare({ golden: { sourceAmiId: good.imageId, source, destination, ...copy } });
    const up = await stack.up();
    assert.notEqual(up.code, 0, up.output);
    for (const sentence of sentences) assert.match(up.output, sentence);
    const lines = up.problems.join("\n").split("\n");
    const told = lines.filter((line) => /[a-z]: /i.test(line) && !/^using |problems, /.test(line));
    assert.equal(told.length, sentences.length, lines.join("\n"));
    assert.ok(!/\n {4,}at |node:internal/.test(up.output), "a stack trace is no sentence");
    assert.deepEqual(await scene.inventory(), inventory);
    assert.deepEqual(writes(), writesBefore);
  }

  const writes = () =>
    scene.cloud.calls
      .filter(({ dryRun }) => !dryRun)
      .map(({ action }) => action)
      .filter((action) => !/^(?:Describe|Get|AssumeRole)/.test(action));

  test("because its arguments are malformed is refused without a call", async () => {
    const before = scene.cloud.calls.length;
    await assertRefused(
      { sourceAmiId: "ami-12", timeoutMinutes: -5, source: { region: "mars" } },
      /sourceAmiId: must be the id of an image .* not "ami-12"/,
      /timeoutMinutes: must be a whole number of minutes .* not -5/,
      /source\.region: must be the name of a region .* not "mars"/,
    );
    assert.equal(scene.cloud.calls.length, before);
  });

  test("is told all that is in its way at once", async () => {
    const disks = [{ deviceName: "/dev/xvda", path: good.files["/dev/xvda"] ?? "" }];
    await scene.cloud.importImage({ region: destination.region, name: "taken", disks });
    const helper = {
      source: { subnetId: "subnet-00000000000000000" },
      destination: { instanceType: "c8gb.large" },
    };
    await assertRefused(
      { sourceAmiId: "ami-00000000000000000", name: "taken", helper },
      /sourceAmiId: ami-00000000000000000 does not exist in us-east-1/,
      /name: The name "taken" is taken in us-gov-west-1 by ami-/,
      /helper\.source\.subnetId: .*subnet-00000000000000000/,
      /helper\.destination\.instanceType: .*c8gb\.large/,
    );
  });

  test("for want of credentials, or with those of another account, is refused", async () => {
    await assertRefused(
      {
        source: { region: "us-east-1", environmentPrefix: "NOWHERE_" },
        destination: { ...destination, expectedAccountId: "999999999999" },
      },
      /source\.environmentPrefix: There are no credentials in the environment variables NOWHERE_AWS_/,
      /destination\.expectedAccountId: .*200000000001 .*999999999999/,
    );
    await assertRefused(
      { source: { region: "us-east-1", profile: "nobody" } },
      /source\.profile: There are no credentials of profile nobody/,
    );
  });

  test("in a region that is none, or of another partition, is refused", async () => {
    await assertRefused(
      { source: { ...source, region: "us-east-9" } },
      /source[.\w]*: .*us-east-9/,
    );
    await assertRefused(
      { destination: { ...destination, region: "cn-north-1" } },
      /destination[.\w]*: .*cn-north-1/,
    );
  });

  test("from an image that is pending, or whose snapshots may not be read, is refused", async () => {
    const other = scene.client("aws-2", "us-east-1");
    const region = source.region;
    const shared = await scene.cloud.importImage({
      region,
      account: "aws-2",
      disks: [{ deviceName: "/dev/xvda", path: good.files["/dev/xvda"] ?? "" }],
    });
    const LaunchPermission = { Add: [{ UserId: "100000000001" }] };
    const attribute = { ImageId: shared.imageId, LaunchPermission };
    await other.send(new ModifyImageAttributeCommand(attribute));
    await assertRefused(
      { sourceAmiId: shared.imageId },
      /sourceAmiId: Account 100000000001 may not read snap-[0-9a-f]{17} \(\/dev\/xvda\)/,
    );

    const [snapshotId = ""] = good.snapshotIds;
    const { ImageId: pending = "" } = await scene.client("aws-1", region).send(
      new RegisterImageCommand({
        Name: "pending",
        RootDeviceName: "/dev/xvda",
        VirtualizationType: "hvm",
        Architecture: "x86_64",
        BlockDeviceMappings: [{ DeviceName: "/dev/xvda", Ebs: { SnapshotId: snapshotId } }],
      }),
    );
    await assertRefused(
      { sourceAmiId: pending },
      new RegExp(`sourceAmiId: ${pending} in us-east-1 is pending`),
    );
  });

  test("from an image that is not of EBS is refused", async () => {
    const { ImageId = "" } = await scene.client("aws-1", source.region).send(
      new RegisterImageCommand({
        Name: "instance-store",
        ImageLocation: "bucket/image.manifest.xml",
        VirtualizationType: "hvm",
        Architecture: "x86_64",
      }),
    );
    await assertRefused(
      { sourceAmiId: ImageId },
      new RegExp(`sourceAmiId: ${ImageId} in us-east-1 is pending`),
      new RegExp(`sourceAmiId: ${ImageId} is backed by instance-store and not by EBS`),
    );
  });

  test("from an image with more volumes than a helper can hold is refused", async () => {
    const path = good.files["/dev/xvda"] ?? "";
    const letters = [..."abcdefghijklmnopqrstuvwxyz"].map((letter) => `/dev/xvd${letter}`);
    const names = [...letters, ...letters.map((name) => name.replace("xvd", "sd"))];
    const disks = names.slice(0, 40).map((deviceName) => ({ deviceName, path }));
    const { imageId } = await scene.cloud.importImage({ region: source.region, disks });
    await assertRefused(
      { sourceAmiId: imageId },
      new RegExp(`${imageId}: 40 volumes do not fit on one helper in us-east-1`),
      new RegExp(`${imageId}: 40 volumes do not fit on one helper in us-gov-west-1`),
    );
  });

  test("because a quota of either side has no room for it is refused", async () => {
    const { cloud } = scene;
    const [here, there] = [
      { region: source.region, account: "aws-1" },
      { region: destination.region, account: "aws-us-gov-1" },
    ];
    await cloud.configure({ ...here, settings: { quotas: { vcpus: 1 } } });
    await cloud.configure({ ...there, settings: { quotas: { volumeGib: 0 } } });
    await assertRefused(
      {},
      /helper\.source\.instanceType: .*\(ec2, L-1216C47A\) in us-east-1 is 1 vCPUs, 0 are in use/,
      /destination: .*\(gp3\) .*\(ebs, L-7A658B76\) in us-gov-west-1 is 0 GiB, 0 are in use/,
    );
    const ample = { vcpus: 1152, volumeGib: 307_200 };
    for (const place of [here, there]) {
      await cloud.configure({ ...place, settings: { quotas: ample } });
    }
  });

  test("leaves a stack that holds nothing", async () => {
    const { deployment } = JSON.parse(await stack.exportState());
    const types = deployment.resources?.map(({ type }: { type: string }) => type) ?? [];
    assert.ok(!types.some((type: string) => type.includes("dynamic")), types.join());
  });
});
