import assert from "node:assert/strict";
import { test } from "node:test";
import { CloudError } from "../../../dynamic-providers/ec2/cloud-error.ts";
import type { Image } from "../../../dynamic-providers/ec2/image.ts";
import { endLeftovers } from "../../../dynamic-providers/workflow/end-leftovers.ts";
import { defaultLimits } from "../../../dynamic-providers/workflow/limits.ts";
import { onlyVerbs, sampleImage, sampleSnapshot } from "./samples.ts";
import { virtualClock } from "./virtual-clock.ts";

const { snapshotId } = sampleSnapshot();

/** A run of which one snapshot is left, in use as often as said. */
async function endSnapshot(timesInUse: number, users: readonly Image[]) {
  let tries = 0;
  const cloud = onlyVerbs({
    describeInstances: async () => [],
    describeVolumes: async () => [],
    describeSecurityGroups: async () => [],
    describeImages: async (query: object) => ("snapshotId" in query ? users : []),
    describeSnapshots: async () => [sampleSnapshot()],
    deleteSnapshot: async () => {
      tries += 1;
      if (tries > timesInUse) return;
      const details = { code: "InvalidSnapshot.InUse", operation: "DeleteSnapshot", region: "" };
      throw new CloudError("in use", { kind: "in-use", ...details });
    },
  });
  const waiting = {
    clock: virtualClock(),
    limits: defaultLimits,
    signal: new AbortController().signal,
  };
  const rule = { runId: "0123456789abcdef", concerns: () => true, keepAdoptable: false };
  return { removed: await endLeftovers(waiting, cloud, rule), tries };
}

test("a snapshot counts as used for a moment after its image went, and goes then", async () => {
  const gone = sampleImage({ state: "deregistered" });
  for (const users of [[], [gone]]) {
    const { removed, tries } = await endSnapshot(2, users);
    assert.deepEqual(removed, [`snapshot ${snapshotId}`]);
    assert.equal(tries, 3);
  }
});

test("a snapshot that an image uses is nobody's leftover, and is not waited for", async () => {
  const { removed, tries } = await endSnapshot(Number.POSITIVE_INFINITY, [sampleImage()]);
  assert.deepEqual(removed, []);
  assert.equal(tries, 1);
});

test("one that is in use by nothing that can be seen is told", async () => {
  await assert.rejects(endSnapshot(Number.POSITIVE_INFINITY, []), {
    message: new RegExp(`gave up waiting for snapshot ${snapshotId} in us-east-1 to be free`),
  });
});
