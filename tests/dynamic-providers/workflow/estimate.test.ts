import assert from "node:assert/strict";
import { test } from "node:test";
import type { InstanceTypeFacts } from "../../../dynamic-providers/ec2/instance.ts";
import {
  AWS_SCALE,
  type EstimatedVolume,
  estimateCopy,
  formatEstimate,
} from "../../../dynamic-providers/workflow/estimate.ts";

const GIB = 2 ** 30;

function type(changes: Partial<InstanceTypeFacts> = {}): InstanceTypeFacts {
  return {
    instanceType: "c8gb.xlarge",
    architectures: ["arm64"],
    maximumVolumes: 32,
    isNitro: true,
    networkGbps: 8.33,
    ebsMibps: 745,
    ...changes,
  };
}

function volume(sizeGib: number, dataGib?: number): EstimatedVolume {
  const full = dataGib === undefined ? {} : { fullSizeBytes: dataGib * GIB };
  return { sizeGib, throughputMibps: 600, ...full };
}

const both = { source: type(), destination: type() };

test("100 GiB of cold snapshot are bounded by their fetching, at the rate of the table", () => {
  const estimate = estimateCopy({ volumes: [volume(100, 100)], ...both });
  const transfer = estimate.phases.find(({ what }) => what === "transfer");
  assert.equal(Math.round(transfer?.seconds ?? 0), Math.round((100 * 1024) / 124));
  assert.match(estimate.bottleneck, /^the source's snapshots/);
  assert.equal(Math.round(estimate.seconds), Math.round(150 + 825.8 + 1024 + 90));
});

test("holes are read but neither fetched nor sent", () => {
  const full = estimateCopy({ volumes: [volume(100, 100)], ...both });
  const half = estimateCopy({ volumes: [volume(100, 50)], ...both });
  assert.deepEqual([full.gibToRead, full.gibToSend], [100, 100]);
  assert.deepEqual([half.gibToRead, half.gibToSend], [100, 50]);
  assert.ok(half.seconds < full.seconds);
});

test("where nobody tells what was written, all is taken for written", () => {
  const known = estimateCopy({ volumes: [volume(8, 8)], ...both });
  assert.deepEqual(estimateCopy({ volumes: [volume(8)], ...both }), known);
  assert.deepEqual(
    estimateCopy({ volumes: [volume(8, 9)], ...both }),
    known,
    "and no more than it",
  );
});

test("two volumes are read one after the other and become snapshots at the same time", () => {
  const seconds = (estimate: ReturnType<typeof estimateCopy>, phase: string) =>
    Math.round(estimate.phases.find(({ what }) => what === phase)?.seconds ?? 0);
  const one = estimateCopy({ volumes: [volume(50, 50)], ...both });
  const two = estimateCopy({ volumes: [volume(50, 50), volume(50, 50)], ...both });
  assert.ok(Math.abs(seconds(two, "transfer") - 2 * seconds(one, "transfer")) <= 1);
  assert.equal(seconds(two, "snapshots"), seconds(one, "snapshots"));
});

test("a narrow helper bounds it and is named with its type", () => {
  const small = type({ instanceType: "c7g.large", networkGbps: 0.937, ebsMibps: 75 });
  const volumes = [volume(20, 20)];
  const sending = estimateCopy({ volumes, ...both, source: small });
  assert.equal(sending.bottleneck, "the source's way to its volumes (c7g.large)");
  const receiving = estimateCopy({ volumes, ...both, destination: small });
  assert.equal(receiving.bottleneck, "the destination's way to its volumes (c7g.large)");
  const thin = type({ instanceType: "t3.medium", networkGbps: 0.25 });
  const wired = estimateCopy({ volumes, ...both, source: thin });
  assert.equal(wired.bottleneck, "the source's network (t3.medium)");
  const silent = { instanceType: "x", architectures: [], maximumVolumes: 2, isNitro: true };
  const unknown = estimateCopy({ volumes, source: silent, destination: silent });
  assert.match(unknown.bottleneck, /^the source's snapshots/, "what is unknown bounds nothing");
});

test("faster snapshots leave the one thread of the sender as the bottleneck", () => {
  const copy = { volumes: [volume(100, 100)], ...both };
  const bound = (scale: object) => estimateCopy(copy, { ...AWS_SCALE, ...scale }).bottleneck;
  assert.equal(bound({ loadMibps: 600 }), "the sender's one thread");
  assert.equal(bound({ loadMibps: 600, engineMibps: 900 }), "the destination's volumes");
  assert.equal(bound({ networkMibps: 10 }), "the network between the helpers");
});

test("the sender's thread passes over holes faster than it reads data", () => {
  const scale = { ...AWS_SCALE, loadMibps: 1e6, engineMibps: 100, zeroMibps: 1_000 };
  const seconds = (data: number) =>
    estimateCopy({ volumes: [volume(100, data)], ...both }, scale).phases[1]?.seconds;
  assert.equal(seconds(100), 1_024);
  assert.equal(seconds(50), 512 + 51.2);
});

test("nothing to copy takes only what is fixed, and the line is one line", () => {
  const none = estimateCopy({ volumes: [], ...both });
  assert.equal(none.seconds, AWS_SCALE.startSeconds + AWS_SCALE.endSeconds);
  const line = formatEstimate(estimateCopy({ volumes: [volume(100, 40)], ...both }));
  assert.match(
    line,
    /^about \d+ min expected, bounded by the source's snapshots, fetched when first read: 100 GiB to read, at most 40 GiB to send, \d\.\d helper-hours$/,
  );
  const small = formatEstimate(estimateCopy({ volumes: [volume(1, 0.01)], ...both }));
  assert.match(small, /: 1\.0 GiB to read, at most 11 MiB to send, /);
});
