import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { build } from "esbuild";

describe("the agent's bundle", () => {
  it("contains nothing of the classic revision", async () => {
    const { metafile } = await build({
      entryPoints: [new URL("../../../agent/main.ts", import.meta.url).pathname],
      bundle: true,
      platform: "node",
      format: "esm",
      write: false,
      metafile: true,
      logLevel: "silent",
    });
    const inputs = Object.keys(metafile.inputs);
    assert.ok(inputs.some((path) => path.includes("tsunami/sealed/")));
    assert.deepEqual(
      inputs.filter((path) => path.includes("tsunami/classic/")),
      [],
    );
  });
});
