/** A seeded sample of ten kills with the real engine; `npm run chaos -- --kills N` tries more. */

import { after, before, suite, test } from "node:test";
import { type KillGround, openKillGround } from "./kill-run.ts";
import { describeKill, drawKills } from "./kills.ts";

const SEED = Number(process.env.AMICOPY_CHAOS_SEED ?? 5);

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
