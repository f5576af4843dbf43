/** A seeded sample of ten kills with the real engine; `npm run chaos -- --kills N` tries more. */

import assert from "node:assert/strict";
import { after, before, suite, test } from "node:test";
import { type KillGround, openKillGround } from "./kill-run.ts";
import { describeKill, drawKills, type Kill, RACE } from "./kills.ts";

const SEED = 5;

suite("a copy that is killed", { timeout: 480_000 }, () => {
  let ground: KillGround;

  before(async () => {
    ground = await openKillGround();
  });
  after(() => ground[Symbol.asyncDispose]());

  for (const kill of drawKills(SEED, 10)) {
    test(`${describeKill(kill)} ends well and leaves nothing else`, async (t) => {
      const struck = await ground.try(kill);
      t.diagnostic(`seed ${SEED}: ${struck ? "killed" : "it was quicker than the kill"}`);
    });
  }
});

suite("a second up before the state has the run of the first", { timeout: 240_000 }, () => {
  // At its own pace a copy is as quick as the start of another `pulumi`.
  const slow = { delays: { instancePending: 6_000 } };
  for (const [how, at, options] of [
    ["at work", 1000, slow],
    ["finished", 2200, {}],
  ] as const) {
    for (const recovery of ["up", "destroy"] as const) {
      test(`that is ${how} leaves one image at most, with ${recovery} after them`, async () => {
        await using ground = await openKillGround({}, options);
        assert.ok(await ground.try({ victim: RACE, at, recovery }));
      });
    }
  }
});

test("an up that fails before anybody was killed is not taken for one that was quicker", async () => {
  await using ground = await openKillGround({ SOURCE_AWS_ACCESS_KEY_ID: "nobody" });
  const never: Kill = { victim: "Ctrl-C", at: 600_000, recovery: "destroy" };
  await assert.rejects(ground.try(never), /nobody touched the up, and it failed/);
});
