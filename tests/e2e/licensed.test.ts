/** A Windows image across partitions with the real engine: licence, bytes, drift, nothing left. */

import assert from "node:assert/strict";
import { after, before, suite, test } from "node:test";
import { DeregisterImageCommand, DescribeImagesCommand } from "@aws-sdk/client-ec2";
import type { CopiedImageFacts } from "../../dynamic-providers/workflow/copy-request.ts";
import { destination, openScene, type Scene, type SourceImage, source } from "./scene.ts";
import type { Stack } from "./stack.ts";

const WINDOWS = {
  usageOperation: "RunInstances:0002",
  bootMode: "uefi",
  tpmSupport: "v2.0",
} as const;

suite("a licensed image", { timeout: 240_000 }, () => {
  let scene: Scene;
  let stack: Stack;
  let from: SourceImage;
  let image: CopiedImageFacts;

  before(async () => {
    scene = await openScene();
    from = await scene.importImage("windows", 2, WINDOWS);
    stack = await scene.newStack();
  });
  after(() => scene.close());

  async function described(imageId: string) {
    const client = scene.client("aws-us-gov-1", destination.region);
    const { Images = [] } = await client.send(new DescribeImagesCommand({ ImageIds: [imageId] }));
    return Images[0];
  }

  test("up says whose licence it will be, and copies licence and bytes", async () => {
    stack.declare({ golden: { sourceAmiId: from.imageId, source, destination } });
    const up = await stack.up();
    assert.equal(up.code, 0, up.output);
    image = await stack.image("golden");
    const shown = `the licence donor is ${image.license?.donorImageId} (TPM-Windows_Server-2022-`;
    assert.ok(up.output.includes(shown), up.output);
    assert.match(up.output, /kept .*licence \(by way of licence donor ami-\w+\)/);
    const copy = await described(image.imageId);
    assert.deepEqual(
      [
        copy?.UsageOperation,
        copy?.PlatformDetails,
        copy?.Platform,
        copy?.BootMode,
        copy?.TpmSupport,
      ],
      ["RunInstances:0002", "Windows", "windows", "uefi", "v2.0"],
    );
    await scene.assertOnlyLeft(image);
    await scene.assertEqualBytes(image, from);
  });

  test("a second up changes nothing", async () => {
    const up = await stack.up();
    assert.equal(up.code, 0, up.output);
    assert.deepEqual(up.changes, {});
  });

  test("deregistered by somebody, refresh sees it and up makes it again with its licence", async () => {
    const client = scene.client("aws-us-gov-1", destination.region);
    await client.send(new DeregisterImageCommand({ ImageId: image.imageId }));
    const refresh = await stack.refresh();
    assert.equal(refresh.code, 0, refresh.output);
    const up = await stack.up();
    assert.equal(up.code, 0, up.output);
    const again = await stack.image("golden");
    assert.notEqual(again.imageId, image.imageId);
    assert.equal((await described(again.imageId))?.UsageOperation, "RunInstances:0002");
    await scene.assertEqualBytes(again, from);
  });

  test("destroy leaves nothing", async () => {
    const destroy = await stack.destroy();
    assert.equal(destroy.code, 0, destroy.output);
    await scene.assertOnlyLeft();
  });
});
