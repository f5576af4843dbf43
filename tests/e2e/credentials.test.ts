/** Ways to reach a side, their change between up and destroy, and the wrong account. */

import assert from "node:assert/strict";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, suite, test } from "node:test";
import type { CopiedImageFacts } from "../../dynamic-providers/workflow/copy-request.ts";
import { openScene, type Scene, type SourceImage } from "./scene.ts";
import type { Stack } from "./stack.ts";

suite("credentials", { timeout: 240_000 }, () => {
  let scene: Scene;
  let stack: Stack;
  let from: SourceImage;
  let image: CopiedImageFacts;

  const roleArn = "arn:aws:iam::100000000001:role/amicopy-external";
  const assumeRole = { roleArn, externalId: "amicopy-test" };
  const source = { region: "us-east-1", environmentPrefix: "SOURCE_", assumeRole };
  const withProfile = (profile: string) => ({
    golden: {
      sourceAmiId: from.imageId,
      source,
      destination: { region: "us-gov-west-1", profile },
    },
  });

  before(async () => {
    scene = await openScene();
    from = await scene.importImage("golden");
    // With every call logged: keys and session tokens must not be in it (see scene.close).
    stack = await scene.newStack({ AMICOPY_LOG: "debug" });
  });
  after(() => scene.close());

  test("a role with an external id on one side, a profile on the other", async () => {
    stack.declare(withProfile("aws-us-gov-1"));
    const up = await stack.up();
    assert.equal(up.code, 0, up.output);
    image = await stack.image("golden");
    assert.equal(image.ownerId, "200000000001");
    await scene.assertOnlyLeft(image);
  });

  test("another profile is remembered by an update that calls nothing", async () => {
    const environment = renamed({ "aws-us-gov-1": "gov-2027" });
    stack.declare(withProfile("gov-2027"));
    const before = scene.cloud.calls.length;
    const up = await stack.up({ environment });
    assert.equal(up.code, 0, up.output);
    assert.deepEqual(up.changes, { update: 2 }, up.output);
    assert.deepEqual(scene.cloud.calls.slice(before), []);
  });

  test("refresh with another account's credentials says so and forgets nothing", async () => {
    const refresh = await stack.refresh({
      environment: renamed({ "aws-us-gov-2": "gov-2027" }),
    });
    assert.notEqual(refresh.code, 0);
    assert.match(refresh.output, /account 200000000002/);
    assert.equal((await stack.image("golden")).imageId, image.imageId);
  });

  test("destroy with another account's credentials says so and removes nothing", async () => {
    const files = renamed({ "aws-us-gov-2": "gov-2027" });
    const destroy = await stack.destroy({ environment: files });
    assert.notEqual(destroy.code, 0);
    assert.match(
      destroy.output,
      /account 200000000002 .* but this was made in account 200000000001/,
    );
    await scene.assertOnlyLeft(image);
  });

  test("an up after it brings back what the destroy had forgotten, without a copy", async () => {
    const launches = () =>
      scene.cloud.calls.filter(({ action }) => /RunInstances|RegisterImage/.test(action)).length;
    const before = launches();
    const up = await stack.up({ environment: renamed({ "aws-us-gov-1": "gov-2027" }) });
    assert.equal(up.code, 0, up.output);
    assert.deepEqual(up.changes, { create: 3 });
    assert.equal((await stack.image("golden")).imageId, image.imageId);
    assert.equal(launches(), before);
    await scene.assertOnlyLeft(image);
  });

  test("destroy then uses the new profile, when the old one is gone", async () => {
    const destroy = await stack.destroy({ environment: renamed({ "aws-us-gov-1": "gov-2027" }) });
    assert.equal(destroy.code, 0, destroy.output);
    await scene.assertOnlyLeft();
  });

  /** Files of `aws configure` in which profiles have other names; those that had them are gone. */
  function renamed(names: Readonly<Record<string, string>>): NodeJS.ProcessEnv {
    const files: NodeJS.ProcessEnv = {};
    for (const name of ["AWS_CONFIG_FILE", "AWS_SHARED_CREDENTIALS_FILE"]) {
      let text = readFileSync(scene.cloud.env[name] ?? "", "utf8");
      for (const [from, to] of Object.entries(names)) {
        text = text.replaceAll(`${to}]`, `taken-${to}]`).replaceAll(`${from}]`, `${to}]`);
      }
      files[name] = join(stack.directory, `${Object.values(names).join()}-${name}`);
      writeFileSync(files[name], text);
    }
    return files;
  }
});
