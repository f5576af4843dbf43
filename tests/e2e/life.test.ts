/** The life of one copy, as a person leads it: made, kept, changed, replaced, destroyed. */

import assert from "node:assert/strict";
import { after, before, suite, test } from "node:test";
import type { CopiedImageFacts } from "../../dynamic-providers/workflow/copy-request.ts";
import { destination, openScene, type Scene, type SourceImage, source } from "./scene.ts";
import type { Stack } from "./stack.ts";

suite("the life of a copy", { timeout: 240_000 }, () => {
  let scene: Scene;
  let stack: Stack;
  let first: SourceImage;
  let second: SourceImage;
  let image: CopiedImageFacts;

  before(async () => {
    scene = await openScene();
    first = await scene.importImage("first", 2);
    second = await scene.importImage("second");
    stack = await scene.newStack();
  });
  after(() => scene.close());

  test("a preview asks nobody, and needs no credentials", async () => {
    stack.declare({ golden: { sourceAmiId: first.imageId, source, destination, name: "copy" } });
    const preview = await stack.preview({ environment: { DESTINATION_AWS_ACCESS_KEY_ID: "" } });
    assert.equal(preview.code, 0, preview.output);
    assert.deepEqual(preview.changes, { create: 7 });
    assert.deepEqual(scene.cloud.calls, []);
  });

  test("up copies every byte and leaves the image and its snapshots", async () => {
    const up = await stack.up();
    assert.equal(up.code, 0, up.output);
    assert.deepEqual(up.changes, { create: 7 });
    image = await stack.image("golden");
    await scene.assertOnlyLeft(image);
    await scene.assertEqualBytes(image, first);
    assert.equal(image.name, "copy");
    assert.equal(image.partition, "aws-us-gov");
  });

  test("a second up changes nothing", async () => {
    const up = await stack.up();
    assert.equal(up.code, 0, up.output);
    assert.deepEqual(up.changes, {});
    await scene.assertOnlyLeft(image);
  });

  test("no credential is in the state", async () => {
    const state = await stack.exportState();
    for (const [name, value] of Object.entries(scene.cloud.env)) {
      if (/KEY|TOKEN/.test(name)) assert.ok(!state.includes(value), `${name} is in the state`);
    }
    assert.ok(state.includes("DESTINATION_"), "the reference is");
  });

  test("a description and tags change in place, without helpers", async () => {
    const change = { description: "new", tags: { team: "images" } };
    stack.declare({
      golden: { sourceAmiId: first.imageId, source, destination, name: "copy", ...change },
    });
    const preview = await stack.preview();
    assert.deepEqual(preview.changes, { update: 1 }, preview.output);
    const up = await stack.up();
    assert.equal(up.code, 0, up.output);
    assert.deepEqual(up.changes, { update: 1 });
    assert.equal((await stack.image("golden")).imageId, image.imageId);
    await scene.assertOnlyLeft(image);
  });

  test("a new source image under the name that the old copy holds is refused", async () => {
    stack.declare({ golden: { sourceAmiId: second.imageId, source, destination, name: "copy" } });
    const up = await stack.up();
    assert.notEqual(up.code, 0);
    assert.match(up.output, /name: The name "copy" is taken .* give another name, or none/);
    await scene.assertOnlyLeft(image);
  });

  test("a new source image replaces the copy, the new one first", async () => {
    stack.declare({ golden: { sourceAmiId: second.imageId, source, destination } });
    const preview = await stack.preview();
    assert.deepEqual(preview.changes, { replace: 5 }, preview.output);
    const up = await stack.up();
    assert.equal(up.code, 0, up.output);
    assert.deepEqual(up.changes, { replace: 5 });
    const old = image;
    image = await stack.image("golden");
    assert.notEqual(image.imageId, old.imageId);
    await scene.assertOnlyLeft(image);
    await scene.assertEqualBytes(image, second);
    const { calls } = scene.cloud;
    const registered = calls.findLastIndex(({ action }) => action === "RegisterImage");
    const deregistered = calls.findLastIndex(({ action }) => action === "DeregisterImage");
    assert.ok(registered < deregistered, "the old one went before the new one was there");
  });

  test("destroy leaves nothing", async () => {
    const destroy = await stack.destroy();
    assert.equal(destroy.code, 0, destroy.output);
    await scene.assertOnlyLeft();
  });
});
