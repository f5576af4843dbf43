/**
 * Two `up` of one stack, as after a `pulumi cancel` against a `pulumi` that lives, of which the first
 * has finished its copy before the second has claimed. The second has read the state before that, and
 * writes its own over the first's.
 */

import assert from "node:assert/strict";
import { suite, test } from "node:test";
import { type ChaosBench, HASTY, openChaosBench } from "./chaos-bench.ts";
import { type Copies, EngineTwin } from "./engine-twin.ts";
import { upOf } from "./life.ts";
import { Blow, Fate, startProviderProcess } from "./provider-process.ts";

/** Of the second's calls: about when the row of its run is saved, and the last. */
const FIRST_CALL = 28;
const LAST_CALL = 102;
/** A sample; with 1 it is each call in each way. */
const STRIDE = 23;

const NAMES = { inherits: {}, "is given": { name: "golden-copy" } };

const processOf = (bench: ChaosBench, fate = new Fate()) =>
  startProviderProcess({ environment: bench.cloud.env, limits: HASTY, fate });

function copiesOf(bench: ChaosBench, index: 0 | 1 = 0, args = {}): Copies {
  const step = upOf(bench, index, args);
  return step.kind === "up" ? step.copies : {};
}

/** Of a second `up` that has begun, a first one is finished. */
async function openRace(bench: ChaosBench, args = {}, fate = new Fate()) {
  const [first, second] = [new EngineTwin("one"), new EngineTwin("one")];
  const process = processOf(bench, fate);
  const up = await first.up(processOf(bench), copiesOf(bench, 0, args));
  assert.deepEqual(up.problems, []);
  return { first, second, process, imageId: first.image("golden")?.imageId ?? "" };
}

/** What the state of this engine has is all that is there. */
async function assertAllIsOf(
  engine: EngineTwin,
  bench: ChaosBench,
  index: 0 | 1 = 0,
): Promise<void> {
  const image = engine.image("golden");
  assert.ok(image);
  assert.deepEqual(await bench.faultsOf(image, bench.sources[index]), []);
  assert.equal((await bench.leftovers()).length, 3, "an image and two snapshots");
  assert.deepEqual((await engine.destroy(processOf(bench))).problems, []);
  assert.deepEqual(await bench.leftovers(), []);
}

function launchesSince(bench: ChaosBench, from: number) {
  return bench.cloud.calls
    .slice(from)
    .filter(({ action, dryRun }) => action === "RunInstances" && !dryRun);
}

/** @returns Whether the blow came, and after the state had the second's run. */
async function tryStruck(
  bench: ChaosBench,
  blow: { at: number; blow: Blow },
  recovery: "up" | "destroy",
): Promise<boolean> {
  const fate = new Fate(blow);
  const { first, second, process } = await openRace(bench, {}, fate);
  const struck = await second.up(process, copiesOf(bench));
  const told = `${blow.blow} at call ${blow.at}, then ${recovery}: ${struck.problems.join("; ")}`;
  // Else the first's state is the later one.
  const engine = second.isEmpty ? first : second;
  const after =
    recovery === "up"
      ? await engine.up(processOf(bench), copiesOf(bench))
      : await engine.destroy(processOf(bench));
  await process.ended();
  assert.deepEqual(after.problems, [], told);
  if (recovery === "up") await assertAllIsOf(engine, bench);
  assert.deepEqual(await bench.leftovers(), [], told);
  return fate.struck && engine === second;
}

suite("a copy that another up has finished beside this one", { timeout: 240_000 }, () => {
  for (const [how, args] of Object.entries(NAMES)) {
    test(`is used instead of a second one when it ${how} its name`, async () => {
      await using bench = await openChaosBench();
      const { second, process, imageId } = await openRace(bench, args);
      const from = bench.cloud.calls.length;
      const up = await second.up(process, copiesOf(bench, 0, args));
      assert.deepEqual(up.problems, []);
      assert.equal(second.image("golden")?.imageId, imageId);
      assert.deepEqual(launchesSince(bench, from), []);
      await assertAllIsOf(second, bench);
    });
  }

  for (const recovery of ["up", "destroy"] as const) {
    test(`is not left when this one is struck down and ${recovery} follows`, async (t) => {
      await using bench = await openChaosBench();
      let tried = 0;
      for (const [index, blow] of Object.values(Blow).entries()) {
        for (let at = FIRST_CALL + index; at <= LAST_CALL; at += STRIDE) {
          tried += (await tryStruck(bench, { at, blow }, recovery)) ? 1 : 0;
        }
      }
      t.diagnostic(`${tried} cases`);
      assert.ok(tried >= 8, `only ${tried} cases came about`);
    });
  }

  test("goes with the first state, if that is written last after all", async () => {
    await using bench = await openChaosBench();
    const { first, second, process } = await openRace(bench);
    assert.deepEqual((await second.up(process, copiesOf(bench))).problems, []);
    await assertAllIsOf(first, bench);
  });

  for (const [how, args] of Object.entries(NAMES)) {
    test(`is ended when it is of another source, when it ${how} its name`, async () => {
      await using bench = await openChaosBench();
      const { second, process, imageId } = await openRace(bench, args);
      assert.deepEqual((await second.up(process, copiesOf(bench, 1, args))).problems, []);
      assert.notEqual(second.image("golden")?.imageId, imageId);
      await assertAllIsOf(second, bench, 1);
    });
  }

  test("gives its snapshots when it has another name", async () => {
    await using bench = await openChaosBench();
    const { second, process, imageId } = await openRace(bench, { name: "first-copy" });
    const from = bench.cloud.calls.length;
    const up = await second.up(process, copiesOf(bench, 0, { name: "second-copy" }));
    assert.deepEqual(up.problems, []);
    assert.notEqual(second.image("golden")?.imageId, imageId);
    assert.deepEqual(launchesSince(bench, from), []);
    await assertAllIsOf(second, bench);
  });

  test("is not touched when it was finished before this one began", async () => {
    await using bench = await openChaosBench();
    const { first, second, imageId } = await openRace(bench);
    assert.deepEqual((await second.up(processOf(bench), copiesOf(bench))).problems, []);
    assert.notEqual(second.image("golden")?.imageId, imageId);
    assert.deepEqual((await second.destroy(processOf(bench))).problems, []);
    await assertAllIsOf(first, bench);
  });
});
