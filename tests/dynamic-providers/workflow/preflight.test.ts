/** Bad input, each answered with one sentence that names the property, and nothing created. */

import assert from "node:assert/strict";
import { join } from "node:path";
import { after, test } from "node:test";
import type { CopyRequest } from "../../../dynamic-providers/workflow/copy-request.ts";
import { preflight } from "../../../dynamic-providers/workflow/preflight.ts";
import { openCloudBench } from "./cloud-bench.ts";

const bench = await openCloudBench();
after(() => bench[Symbol.asyncDispose]());

const { request } = bench;
const { source, destination } = request;
const { destination: own } = bench.clouds();

type Case = readonly [
  what: string,
  changes: Partial<CopyRequest>,
  property: string,
  message: RegExp,
];

const helper = (side: "source" | "destination", wish: object) => ({
  helper: { source: {}, destination: {}, [side]: wish },
});

const CASES: readonly Case[] = [
  [
    "an unknown image",
    { sourceAmiId: "ami-00000000" },
    "sourceAmiId",
    /^ami-0{8} does not exist in us-east-1, or account 100000000001 /,
  ],
  ["a malformed id", { sourceAmiId: "ami-xyz" }, "sourceAmiId", /^ami-xyz is not the id/],
  [
    "a misspelt region",
    { source: { ...source, region: "us-esat-1" } },
    "source.region",
    /us-esat-1/,
  ],
  [
    "keys of another partition",
    { destination: { ...destination, region: "us-west-2" } },
    "destination.environmentPrefix",
    /not accepted in region us-west-2/,
  ],
  [
    "no credentials",
    { source: { region: "us-east-1", environmentPrefix: "NO_" } },
    "source.environmentPrefix",
    /NO_AWS_ACCESS_KEY_ID is not set/,
  ],
  [
    "an unknown profile",
    { source: { region: "us-east-1", profile: "nobody" } },
    "source.profile",
    /profile nobody/,
  ],
  [
    "a role that is not there",
    { source: { ...source, assumeRole: { roleArn: "arn:aws:iam::100000000002:role/no" } } },
    "source.assumeRole",
    /role\/no may not be assumed/,
  ],
  [
    "the wrong account",
    { destination: { ...destination, expectedAccountId: "200000000002" } },
    "destination.expectedAccountId",
    /lead to account 200000000001 and not to .* 200000000002/,
  ],
  [
    "an unknown subnet",
    helper("source", { subnetId: "subnet-00000000" }),
    "helper.source.subnetId",
    /subnet-0{8} does not exist in us-east-1/,
  ],
  [
    "a type that is not offered",
    helper("destination", { instanceType: "c8gb.large" }),
    "helper.destination.instanceType",
    /c8gb\.large is not offered/,
  ],
  [
    "an unknown helper image",
    helper("destination", { imageId: "ami-00000000" }),
    "helper.destination.imageId",
    /ami-0{8} is not an available image/,
  ],
  [
    "too many tags",
    { tags: Object.fromEntries(Array.from({ length: 46 }, (_, i) => [`t${i}`, ""])) },
    "tags",
    /46 tags/,
  ],
];

for (const [what, changes, property, message] of CASES) {
  test(`${what} is answered with one sentence about ${property}`, async () => {
    const changed = { ...request, ...changes };
    const { problems } = await preflight(changed, bench.clouds(changed));
    assert.deepEqual(
      problems.map((problem) => problem.property),
      [property],
    );
    assert.match(problems[0]?.message ?? "", message);
    assert.match(problems[0]?.message ?? "", /\.$/);
    assert.match(problems[0]?.hint ?? "", /\.$/);
  });
}

test("all problems of both sides are told at once", async () => {
  const changed = {
    ...request,
    sourceAmiId: "ami-00000000",
    helper: { source: { subnetId: "subnet-00000000" }, destination: { instanceType: "t2.micro" } },
  };
  const { problems } = await preflight(changed, bench.clouds(changed));
  assert.deepEqual(problems.map(({ property }) => property).sort(), [
    "helper.destination.instanceType",
    "helper.source.subnetId",
    "sourceAmiId",
  ]);
});

test("a name that is taken is refused, unless it is this run's own", async () => {
  const image = await registeredCopy("0000000000000001");
  const changed = { ...request, name: "taken" };
  const { problems } = await preflight(changed, bench.clouds());
  assert.deepEqual(
    problems.map(({ property }) => property),
    ["name"],
  );
  assert.match(
    problems[0]?.message ?? "",
    new RegExp(`by ${image.imageId}, a copy of run 0+1\\.$`),
  );
  const identity = await bench.identity("0000000000000001");
  assert.deepEqual((await preflight(changed, bench.clouds(), identity)).problems, []);
});

test("a snapshot that was not shared with its image is named with its account", async () => {
  const owner = bench.clouds({
    ...request,
    source: { region: "us-east-1", environmentPrefix: "SOURCE_" },
  });
  const permission = { add: [{ userId: "100000000002" }], remove: [] };
  await owner.source.changeLaunchPermissions(bench.imageId, permission);
  const changed = { ...request, source: { region: "us-east-1", profile: "aws-2" } };
  const { problems } = await preflight(changed, bench.clouds(changed));
  assert.deepEqual(
    problems.map(({ property }) => property),
    ["sourceAmiId"],
  );
  assert.match(
    problems[0]?.message ?? "",
    /Account 100000000002 may not read snap-\S+ \(\/dev\/xvda\), snap-\S+ \(\/dev\/sdb\)/,
  );
});

test("a run is not continued with credentials of another account", async () => {
  const identity = await bench.identity("0000000000000001");
  const changed = { ...request, destination: { region: "us-gov-west-1", profile: "aws-us-gov-2" } };
  const { problems } = await preflight(changed, bench.clouds(changed), identity);
  assert.deepEqual(
    problems.map(({ property }) => property),
    ["destination"],
  );
  assert.match(problems[0]?.message ?? "", /account 200000000002 .* begun in account 200000000001/);
});

test("nothing was created by all of this", async () => {
  assert.equal(
    bench.cloud.calls.filter(({ action }) => /^(Run|Create(?!Tags))/.test(action)).length,
    0,
  );
});

/** An image in the destination with a run's tag, made of whatever. */
async function registeredCopy(run: string) {
  const disks = [{ deviceName: "/dev/xvda", path: join(bench.directory, "disk-0.raw") }];
  const { imageId } = await bench.cloud.importImage({
    region: "us-gov-west-1",
    name: "taken",
    disks,
  });
  await own.setTags([imageId], { "amicopy:run": run });
  return { imageId };
}
