import assert from "node:assert/strict";
import { after, test } from "node:test";
import { mayLaunch } from "../../../dynamic-providers/workflow/allowed-types.ts";
import { chooseHelper } from "../../../dynamic-providers/workflow/choose-helper.ts";
import { preflight } from "../../../dynamic-providers/workflow/preflight.ts";
import { describedImage } from "../../localcloud/described-image.ts";
import { openCloudBench } from "./cloud-bench.ts";
import { sampleImage } from "./samples.ts";

const bench = await openCloudBench();
after(() => bench[Symbol.asyncDispose]());

const CASES: readonly (readonly [supported: string[], unsupported: string[], may: boolean])[] = [
  [[], [], true],
  [["c7g.*"], [], true],
  [["c7g.large"], [], true],
  [["c7g.larg"], [], false],
  [["*.large"], [], true],
  [["c*g*e"], [], true],
  [["c7g.large*large"], [], false],
  [["c8g.*", "m*"], [], false],
  [[], ["*.metal"], true],
  [["c7g.*"], ["*.large"], false],
];

for (const [supported, unsupported, may] of CASES) {
  test(`c7g.large ${may ? "may" : "may not"} launch what wants ${supported} and not ${unsupported}`, () => {
    const image = sampleImage({ instanceTypes: { supported, unsupported } });
    assert.equal(mayLaunch(image, "c7g.large"), may);
  });
}

test("a helper gets a type that its image allows, and without one preflight says which it allows", async () => {
  const imageFor = async (name: string, supported: string[]) =>
    describedImage(bench.cloud, {
      region: "us-east-1",
      name,
      architecture: "arm64",
      describe: { instanceTypes: { supported } },
    });
  const { imageId } = await imageFor("choosy", ["c7g.*", "*.metal"]);
  const found = await chooseHelper(bench.clouds().source, { imageId }, 1);
  assert.ok("choices" in found);
  const types = new Set(found.choices.map(({ instanceType }) => instanceType));
  assert.deepEqual([...types], ["c7g.large"]);
  const { imageId: metal } = await imageFor("metal", ["*.metal"]);
  const refusal = async (wish: object) => {
    const helper = { source: { imageId: metal, ...wish }, destination: {} };
    const { problems } = await preflight({ ...bench.request, helper }, bench.clouds());
    return problems.map(({ property, message }) => `${property}: ${message}`);
  };
  const told = `may be launched as *.metal only, by its owner's wish`;
  assert.deepEqual(await refusal({}), [
    `helper.source.imageId: Image ${metal} ${told}, and none of the helper types we know is such.`,
  ]);
  assert.deepEqual(await refusal({ instanceType: "c7g.large" }), [
    `helper.source.instanceType: Image ${metal} ${told}, and c7g.large is none.`,
  ]);
});
