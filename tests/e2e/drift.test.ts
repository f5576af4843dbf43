/** What others do to a copy: `pulumi refresh` sees it, and the next `pulumi up` repairs it. */

import assert from "node:assert/strict";
import { after, before, suite, test } from "node:test";
import {
  CreateTagsCommand,
  DeleteSnapshotCommand,
  DeleteTagsCommand,
  DeregisterImageCommand,
  DescribeImageAttributeCommand,
  DescribeImagesCommand,
  DisableImageCommand,
  type EC2Client,
  EnableImageDeprecationCommand,
  type Image,
  ModifyImageAttributeCommand,
} from "@aws-sdk/client-ec2";
import type { CopiedImageFacts } from "../../dynamic-providers/workflow/copy-request.ts";
import { destination, openScene, type Scene, type SourceImage, source } from "./scene.ts";
import type { Stack } from "./stack.ts";

suite("drift", { timeout: 240_000 }, () => {
  let scene: Scene;
  let stack: Stack;
  let from: SourceImage;
  let image: CopiedImageFacts;
  let gov: EC2Client;

  before(async () => {
    scene = await openScene();
    from = await scene.importImage("golden");
    gov = scene.client("aws-us-gov-1", "us-gov-west-1");
    stack = await scene.newStack();
    const change = { description: "as declared", tags: { team: "images", stage: "prod" } };
    stack.declare({ golden: { sourceAmiId: from.imageId, source, destination, ...change } });
    const up = await stack.up();
    assert.equal(up.code, 0, up.output);
    image = await stack.image("golden");
  });
  after(() => scene.close());

  const launches = () => scene.cloud.calls.filter(({ action }) => action === "RunInstances").length;

  async function refreshAndUp(changes: Record<string, number>, told?: RegExp): Promise<void> {
    const refresh = await stack.refresh();
    assert.equal(refresh.code, 0, refresh.output);
    if (told === undefined) assert.doesNotMatch(refresh.output, /has drifted/);
    else assert.match(refresh.output, told);
    const up = await stack.up();
    assert.equal(up.code, 0, up.output);
    assert.deepEqual(up.changes, changes, up.output);
  }

  async function describe(): Promise<Image> {
    const { Images } = await gov.send(new DescribeImagesCommand({ ImageIds: [image.imageId] }));
    const [found] = Images ?? [];
    assert.ok(found);
    return found;
  }

  test("a refresh of what nobody touched finds nothing to do, whatever tags others add", async () => {
    const Tags = [{ Key: "cost-center", Value: "42" }];
    await gov.send(new CreateTagsCommand({ Resources: [image.imageId], Tags }));
    await refreshAndUp({});
  });

  /** `pulumi up --replace` of the image's row alone. */
  async function replaceRow(): Promise<CopiedImageFacts> {
    const { deployment } = JSON.parse(await stack.exportState());
    const urns: string[] = deployment.resources.map(({ urn }: { urn: string }) => urn);
    const urn = urns.find((one) => one.endsWith(":CopiedImage::golden")) ?? "";
    const up = await stack.up({ flags: ["--replace", urn] });
    assert.equal(up.code, 0, up.output);
    return stack.image("golden");
  }

  test("description, tags, permissions, deprecation and disabling are taken back", async () => {
    const ImageId = image.imageId;
    const Description = { Value: "changed by hand" };
    await gov.send(new ModifyImageAttributeCommand({ ImageId, Description }));
    const Tags = [{ Key: "team", Value: "somebody else" }];
    await gov.send(new CreateTagsCommand({ Resources: [ImageId], Tags }));
    await gov.send(new DeleteTagsCommand({ Resources: [ImageId], Tags: [{ Key: "stage" }] }));
    const LaunchPermission = { Add: [{ UserId: "200000000002" }] };
    await gov.send(new ModifyImageAttributeCommand({ ImageId, LaunchPermission }));
    const DeprecateAt = new Date("2035-01-01T00:00:00Z");
    await gov.send(new EnableImageDeprecationCommand({ ImageId, DeprecateAt }));
    await refreshAndUp(
      { update: 1 },
      /has drifted: its description is "changed by hand", it is deprecated from 2035-01-01T00:00:00\.000Z on, it has no tag stage, its tag team is "somebody else", others may launch it than should\./,
    );

    const repaired = await describe();
    assert.equal(repaired.Description, "as declared");
    assert.equal(repaired.DeprecationTime, undefined);
    const tags = new Map(repaired.Tags?.map(({ Key, Value }) => [Key, Value]));
    assert.equal(tags.get("team"), "images");
    assert.equal(tags.get("stage"), "prod");
    assert.equal(tags.get("cost-center"), "42");
    const attribute = { ImageId, Attribute: "launchPermission" } as const;
    const { LaunchPermissions } = await gov.send(new DescribeImageAttributeCommand(attribute));
    assert.deepEqual(LaunchPermissions ?? [], []);

    await gov.send(new DisableImageCommand({ ImageId }));
    await refreshAndUp({ update: 1 }, /has drifted: it is disabled\./);
    assert.equal((await describe()).State, "available");
    await refreshAndUp({});
  });

  test("its row alone replaced: the image is the new row's, also when it has to be registered anew", async () => {
    assert.equal((await replaceRow()).imageId, image.imageId);
    await scene.assertOnlyLeft(image);
    await gov.send(new DeregisterImageCommand({ ImageId: image.imageId }));
    const { imageId, snapshots } = await replaceRow();
    assert.notEqual(imageId, image.imageId);
    assert.deepEqual(snapshots, image.snapshots);
    image = await stack.image("golden");
    await scene.assertOnlyLeft(image);
    await refreshAndUp({});
  });

  test("a deregistered image comes back from its snapshots, without helpers", async () => {
    const before = launches();
    await gov.send(new DeregisterImageCommand({ ImageId: image.imageId }));
    // The row that marks the image as owned follows its id.
    await refreshAndUp({ update: 2 }, /has drifted: it is not registered any more/);
    const restored = await stack.image("golden");
    assert.notEqual(restored.imageId, image.imageId);
    assert.deepEqual(restored.snapshots, image.snapshots);
    assert.equal(launches(), before);
    image = restored;
    await scene.assertOnlyLeft(image);
    assert.equal((await describe()).Description, "as declared");
    await refreshAndUp({});
  });

  test("an image that is gone with its snapshots is copied anew, all rows fresh", async () => {
    const before = launches();
    await gov.send(new DeregisterImageCommand({ ImageId: image.imageId }));
    for (const { snapshotId } of image.snapshots) {
      await gov.send(new DeleteSnapshotCommand({ SnapshotId: snapshotId }));
    }
    await refreshAndUp({ create: 1, replace: 4 });
    image = await stack.image("golden");
    assert.equal(launches(), before + 2);
    await scene.assertOnlyLeft(image);
    await scene.assertEqualBytes(image, from);
  });

  test("destroy of a copy that somebody has deregistered leaves nothing", async () => {
    await gov.send(new DeregisterImageCommand({ ImageId: image.imageId }));
    const destroy = await stack.destroy();
    assert.equal(destroy.code, 0, destroy.output);
    await scene.assertOnlyLeft();
  });
});
