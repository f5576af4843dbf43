import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { build } from "esbuild";

const AGENT = new URL("../../../agent/", import.meta.url).pathname;

describe("the agent's bundles", () => {
  it("contain nothing of the classic revision", async () => {
    const { metafile } = await build({
      entryPoints: [`${AGENT}source.ts`, `${AGENT}destination.ts`],
      outdir: AGENT,
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
