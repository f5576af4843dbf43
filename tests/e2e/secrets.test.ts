/** Every end-to-end test ends with a search for the run's secrets. Here one is planted, so that it fails. */

import assert from "node:assert/strict";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { destination, openScene, source } from "./scene.ts";

test("a secret that gets into a stack's state and output is found at the end", async () => {
  const scene = await openScene();
  const stack = await scene.newStack();
  const planted = scene.cloud.env.SOURCE_AWS_SECRET_ACCESS_KEY ?? "";
  // Refused before anything is made, which is after the engine has told of it.
  stack.declare({
    golden: { sourceAmiId: "ami-0123456789abcdef0", source, destination, description: planted },
  });
  const up = await stack.up();
  assert.notEqual(up.code, 0);
  const state = JSON.parse(await stack.exportState());
  state.deployment.resources[0].outputs = { planted };
  const path = join(stack.directory, "node_modules/state.json");
  writeFileSync(path, JSON.stringify(state));
  const imported = await stack.run("stack", "import", "--file", path);
  assert.equal(imported.code, 0, imported.output);
  await stack.exportState();
  await assert.rejects(scene.close(), ({ actual }: assert.AssertionError) => {
    const found = String(actual);
    const others = [actual]
      .flat()
      .filter((one) => !/^the secret key of aws-1 in /.test(String(one)));
    assert.deepEqual(others, [], "and nothing else");
    assert.match(found, /the secret key of aws-1 in events-1\.json \(plain\)/);
    assert.match(found, /the secret key of aws-1 in state\/\S+ \(plain\)/);
    assert.match(found, /the secret key of aws-1 in output of pulumi stack export/);
    return true;
  });
});
