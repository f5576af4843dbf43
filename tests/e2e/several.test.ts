/** Several copies in one stack, at once and one row at a time. */

import assert from "node:assert/strict";
import { after, before, suite, test } from "node:test";
import { destination, openScene, type Scene, type SourceImage, source } from "./scene.ts";

suite("several copies", { timeout: 240_000 }, () => {
  let scene: Scene;
  let from: SourceImage;

  before(async () => {
    scene = await openScene();
    from = await scene.importImage("golden");
  });
  after(() => scene.close());

  test("three of a stack are made at once, each with a name of its own", async () => {
    const stack = await scene.newStack();
    const china = { region: "cn-north-1", profile: "aws-cn-1" };
    const copy = { sourceAmiId: from.imageId, source };
    stack.declare({
      one: { ...copy, destination },
      two: { ...copy, destination },
      three: { ...copy, destination: china },
    });
    const up = await stack.up();
    assert.equal(up.code, 0, up.output);
    assert.deepEqual(up.changes, { create: 19 });
    const images = [await stack.image("one"), await stack.image("two"), await stack.image("three")];
    await scene.assertOnlyLeft(...images);
    for (const image of images) await scene.assertEqualBytes(image, from);
    // Two of them in one account: one has the source's name, the other that with a bit of its run.
    const names = images.slice(0, 2).map(({ name }) => name);
    assert.ok(names.includes("golden"), names.join());
    assert.ok(
      names.some((name) => /^golden-[0-9a-f]{7}$/.test(name)),
      names.join(),
    );
    const destroy = await stack.destroy();
    assert.equal(destroy.code, 0, destroy.output);
    await scene.assertOnlyLeft();
  });

  test("one row after the other there is no deadlock, and under CI little is said", async () => {
    const stack = await scene.newStack({ CI: "true" });
    stack.declare({ golden: { sourceAmiId: from.imageId, source, destination } });
    const up = await stack.up({ flags: ["--parallel", "1"] });
    assert.equal(up.code, 0, up.output);
    assert.deepEqual(up.changes, { create: 7 });
    const image = await stack.image("golden");
    await scene.assertOnlyLeft(image);
    assert.match(up.output, new RegExp(`${from.imageId} is ${image.imageId} in us-gov-west-1`));
    assert.ok(!/introduced|waiting for/.test(up.output), up.output);
    const destroy = await stack.destroy({ flags: ["--parallel", "1"] });
    assert.equal(destroy.code, 0, destroy.output);
    await scene.assertOnlyLeft();
  });
});
