import assert from "node:assert/strict";
import { test } from "node:test";
import { Tag } from "../../../agent/contract.ts";
import type { SecurityGroup } from "../../../dynamic-providers/ec2/network.ts";
import { claimAttempt } from "../../../dynamic-providers/workflow/claim-attempt.ts";
import { defaultLimits } from "../../../dynamic-providers/workflow/limits.ts";
import { UndoStack } from "../../../dynamic-providers/workflow/undo-stack.ts";
import { onlyVerbs, sampleSnapshot } from "./samples.ts";
import { virtualClock } from "./virtual-clock.ts";

test("a number of which only a snapshot is left is not given again", async () => {
  const groups: SecurityGroup[] = [];
  const cloud = onlyVerbs({
    describeSecurityGroups: async () => groups,
    // EC2 forgets an instance an hour after its end.
    describeInstances: async () => [],
    describeVolumes: async () => [],
    describeSnapshots: async () => [sampleSnapshot({ tags: { [Tag.attempt]: "3" } })],
    describeImages: async () => [],
    createSecurityGroup: async (group: Omit<SecurityGroup, "groupId">) => {
      groups.push({ ...group, groupId: "sg-1" });
      return "sg-1";
    },
  });
  const claimed = await claimAttempt({
    clock: virtualClock(),
    limits: defaultLimits,
    signal: new AbortController().signal,
    checkWanted: async () => undefined,
    runId: "0123456789abcdef",
    row: undefined,
    begun: "",
    expires: "2026-01-01T00:00:00.000Z",
    namePrefix: "amicopy",
    sides: [{ side: "destination", cloud, vpcId: "vpc-1" }],
    undo: new UndoStack(),
  });
  assert.equal(claimed.attempt, 4);
  assert.equal(claimed.olderSeen, false);
  assert.deepEqual(
    groups.map(({ name }) => name),
    ["amicopy-0123456789abcdef-4"],
  );
});
