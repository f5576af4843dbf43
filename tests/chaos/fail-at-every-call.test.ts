/**
 * A seeded sample of what `npm run chaos` tries as a whole: a call fails, or a process dies at it,
 * and the rule holds. And the judge itself, tried with defects that it has to find.
 */

import assert from "node:assert/strict";
import { suite, test } from "node:test";
import type { Ec2 } from "../../dynamic-providers/ec2/ec2.ts";
import { ANSWER_KINDS, BLOW_KINDS, CUT_OFF_KIND, troublesOf } from "./cases.ts";
import { HASTY, openChaosBench } from "./chaos-bench.ts";
import { LIVES } from "./life.ts";
import { summarize } from "./summarize.ts";
import { describeBroken, type SweepOptions, sweep } from "./sweep.ts";
import { tryCase, watchLife } from "./try-case.ts";

/** Ours: another one every week finds more than the same for ever, and stays the same for a day's work. */
const SEED = 5;
const SAMPLE = { ms: 12_000, atLeast: 5 };

suite("whatever fails", { timeout: 240_000 }, () => {
  const samples: readonly (readonly [string, Omit<SweepOptions, "seed">])[] = [
    ["at whichever call", { kinds: [...ANSWER_KINDS, CUT_OFF_KIND] }],
    ["with the process at whichever call", { kinds: BLOW_KINDS }],
  ];
  for (const [what, options] of samples) {
    test(`${what}, the next up or destroy leaves nothing but what is wanted`, async (t) => {
      const { troubleCount, tried } = await sweep({ seed: SEED, sample: SAMPLE, ...options });
      for (const line of summarize(tried)) t.diagnostic(line);
      t.diagnostic(`chaos: ${tried.length} of ${troubleCount} troubles tried, seed ${SEED}`);
      const broken = tried.filter((one) => one.broken.length > 0).map(describeBroken);
      assert.deepEqual(broken, []);
      const happened = tried.filter((one) => one.happened).length;
      assert.ok(happened >= SAMPLE.atLeast, "hardly anything was tried");
    });
  }
});

suite("the judge", { timeout: 120_000 }, () => {
  const NEVER_ENDED = "a helper that is never ended";
  const DEFECTS: readonly (readonly [string, RegExp, (ec2: Ec2) => Partial<Ec2>])[] = [
    [
      NEVER_ENDED,
      /waiting for instance i-\S+ in us-east-1/,
      () => ({ async terminateInstance() {} }),
    ],
    ["a snapshot that stays", /snapshot snap-/, () => ({ async deleteSnapshot() {} })],
    [
      "a group that stays",
      /goes on creating things of run/,
      () => ({ async deleteSecurityGroup() {} }),
    ],
    [
      "an image that is not claimed",
      /lacks amicopy:owned/,
      (ec2) => ({
        setTags: async (ids, tags) => {
          if (!("amicopy:owned" in tags)) await ec2.setTags(ids, tags);
        },
      }),
    ],
    [
      "words that are no sentence",
      /not a clear sentence/,
      () => ({
        describeSubnets: async () => {
          throw new TypeError("undefined is not a function");
        },
      }),
    ],
  ];
  for (const [defect, found, verbs] of DEFECTS) {
    test(`finds ${defect}`, async () => {
      await using bench = await openChaosBench();
      const life = LIVES.replaced?.(bench) ?? [];
      const watched = await watchLife(bench, life);
      const trouble = troublesOf(watched, ["refused"]).find(({ name }) =>
        name.includes("CreateSnapshot 2"),
      );
      assert.ok(trouble);
      const spoil = (ec2: Ec2) => ({ ...ec2, ...verbs(ec2) });
      // The only wait that a defect has to bring to its limit; what is merely slow is not to reach one.
      const limits = { ...HASTY, ...(defect === NEVER_ENDED && { terminateMs: 500 }) };
      const spoiled = { spoil, limits };
      const { broken } = await tryCase(bench, life, { trouble, recovery: "up", defect: spoiled });
      assert.match(broken.join("\n"), found);
    });
  }
});
