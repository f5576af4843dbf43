import assert from "node:assert/strict";
import { test } from "node:test";
import { CloudError, type CloudErrorKind } from "../../../dynamic-providers/ec2/cloud-error.ts";
import { createOnce } from "../../../dynamic-providers/workflow/create-once.ts";
import { defaultLimits } from "../../../dynamic-providers/workflow/limits.ts";
import { virtualClock } from "./virtual-clock.ts";

function failing(kind: CloudErrorKind) {
  return new CloudError(kind, { kind, code: kind, operation: "Create", region: "r" });
}

const waiting = () => ({
  clock: virtualClock(),
  limits: defaultLimits,
  signal: new AbortController().signal,
});

test("a lost answer is looked for and found, not repeated", async () => {
  let creates = 0;
  let looks = 0;
  const id = await createOnce(waiting(), {
    create: async () => {
      creates++;
      throw failing("unreachable");
    },
    find: async () => (++looks > 3 ? "snap-1" : undefined),
  });
  assert.deepEqual([id, creates], ["snap-1", 1]);
});

test("a lost request is made again after nothing was found", async () => {
  let creates = 0;
  const id = await createOnce(waiting(), {
    create: async () => {
      if (++creates === 1) throw failing("unreachable");
      return "snap-2";
    },
    find: async () => undefined,
  });
  assert.deepEqual([id, creates], ["snap-2", 2]);
});

test("a throttled create is repeated without looking", async () => {
  let creates = 0;
  const id = await createOnce(waiting(), {
    create: async () => {
      if (++creates < 4) throw failing("throttled");
      return "snap-3";
    },
    find: () => assert.fail("nothing can have been made"),
  });
  assert.equal(id, "snap-3");
});

test("a duplicate at once is somebody else's, a duplicate of our own repeat is ours", async () => {
  const duplicate = async () => {
    throw failing("duplicate");
  };
  await assert.rejects(createOnce(waiting(), { create: duplicate, find: async () => "x" }), {
    kind: "duplicate",
  });
  let creates = 0;
  let looks = 0;
  const id = await createOnce(waiting(), {
    create: async () => {
      throw failing(++creates === 1 ? "unreachable" : "duplicate");
    },
    // Invisible for as long as we look for the lost answer, there when the duplicate tells.
    find: async () => (++looks > 9 ? "sg-1" : undefined),
  });
  assert.equal(id, "sg-1");
});

test("it gives up after its number of tries with the last error", async () => {
  let creates = 0;
  const creation = {
    create: async () => {
      creates++;
      throw failing("throttled");
    },
    find: async () => undefined,
  };
  await assert.rejects(createOnce(waiting(), creation), { kind: "throttled" });
  assert.equal(creates, defaultLimits.createAttempts);
});
