/** Copies that are disturbed: a helper dies, a person presses Ctrl-C. Nothing stays, and the next up goes on. */

import assert from "node:assert/strict";
import { after, before, suite, test } from "node:test";
import { TerminateInstancesCommand } from "@aws-sdk/client-ec2";
import { destination, openScene, type Scene, type SourceImage, source } from "./scene.ts";
import type { Stack } from "./stack.ts";

suite("a copy in trouble", { timeout: 240_000 }, () => {
  let scene: Scene;
  let stack: Stack;
  let from: SourceImage;

  before(async () => {
    scene = await openScene();
    from = await scene.importImage("golden");
    stack = await scene.newStack();
    stack.declare({ golden: { sourceAmiId: from.imageId, source, destination } });
  });
  after(() => scene.close());

  test("says which helper was lost, ends the other and leaves nothing", async () => {
    const commercial = scene.client("aws-1", "us-east-1");
    let lost: Promise<unknown> | undefined;
    let helperId = "";
    const up = await stack.up({
      onOutput(output) {
        // The status of the source's helper, once it runs and before it has copied anything.
        const [, instanceId] = /golden-source.* (i-[0-9a-f]{17}) starting/.exec(output) ?? [];
        if (lost !== undefined || instanceId === undefined) return;
        helperId = instanceId;
        lost = commercial.send(new TerminateInstancesCommand({ InstanceIds: [instanceId] }));
      },
    });
    assert.ok(lost, up.output);
    await lost;
    assert.notEqual(up.code, 0);
    const told = up.problems.filter((problem) => problem.includes(helperId));
    assert.equal(told.length, 1, up.output);
    await scene.assertOnlyLeft();
  });

  test("ends within seconds of a first Ctrl-C and leaves nothing", async () => {
    let interrupted = false;
    const up = await stack.up({
      onOutput(output, cli) {
        if (interrupted || !/ i-[0-9a-f]{17} starting/.test(output)) return;
        interrupted = true;
        cli.kill("SIGINT");
      },
    });
    assert.ok(interrupted, up.output);
    assert.notEqual(up.code, 0);
    assert.match(up.output, /The copy was cancelled\. Run `pulumi up` again to continue/);
    await scene.assertOnlyLeft();
  });

  test("is finished by the next up, under the same run", async () => {
    const before = JSON.parse(await stack.exportState());
    const up = await stack.up();
    assert.equal(up.code, 0, up.output);
    assert.deepEqual(up.changes, { create: 1, update: 3 });
    const image = await stack.image("golden");
    await scene.assertOnlyLeft(image);
    await scene.assertEqualBytes(image, from);
    const runIds = [before, JSON.parse(await stack.exportState())].map(runIdOf);
    assert.equal(runIds[0], runIds[1]);
  });

  test("can be destroyed", async () => {
    const destroy = await stack.destroy();
    assert.equal(destroy.code, 0, destroy.output);
    await scene.assertOnlyLeft();
  });
});

interface State {
  readonly deployment: {
    readonly resources: readonly { readonly type: string; readonly id?: string }[];
  };
}

function runIdOf({ deployment }: State): string | undefined {
  return deployment.resources.find(({ type }) => type.endsWith(":CopyRun"))?.id;
}
