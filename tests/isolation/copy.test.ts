/**
 * A whole copy by the real engine, with nothing between the helpers but what their own groups admit,
 * over the long lossy link, and the metadata service where EC2 has it.
 */

import assert from "node:assert/strict";
import { after, before, suite, test } from "node:test";
import { destination, openScene, type Scene, source } from "../e2e/scene.ts";
import { obstacle } from "./isolated-cloud.ts";

suite("a copy between isolated helpers", { timeout: 180_000, skip: obstacle }, () => {
  let scene: Scene;

  before(async () => {
    scene = await openScene({ isolation: "namespaces" });
  });
  after(() => scene?.close());

  test("up copies every byte over 100 ms and 1 % loss, destroy leaves nothing", async () => {
    const from = await scene.importImage("golden", 2);
    const stack = await scene.newStack();
    stack.declare({ golden: { sourceAmiId: from.imageId, source, destination } });
    const up = await stack.up();
    assert.equal(up.code, 0, up.output);
    const image = await stack.image("golden");
    await scene.assertEqualBytes(image, from);
    await scene.assertOnlyLeft(image);
    const { action } = scene.cloud.calls.find((one) => one.action.endsWith("Ingress")) ?? {};
    assert.equal(action, "AuthorizeSecurityGroupIngress");
    const destroy = await stack.destroy();
    assert.equal(destroy.code, 0, destroy.output);
    await scene.assertOnlyLeft();
  });
});
