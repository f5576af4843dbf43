/** Many copies in one stack, and several stacks in one account. */

import assert from "node:assert/strict";
import { suite, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { type ChaosBench, HASTY, openChaosBench } from "./chaos-bench.ts";
import { type Copies, EngineTwin } from "./engine-twin.ts";
import { type LifeStep, upOf } from "./life.ts";
import { Blow, Fate, startProviderProcess } from "./provider-process.ts";

const COUNT = 20;
/** A thousandth of a region's patience, since everything here is a hundred times as quick. */
const THROTTLE = { fault: "throttle", burst: 10, perSecond: 50 } as const;

const processOf = (bench: ChaosBench, fate = new Fate()) =>
  startProviderProcess({ environment: bench.cloud.env, limits: HASTY, fate });

function copiesOf(bench: ChaosBench, step: LifeStep = upOf(bench, 0)): Copies {
  return step.kind === "up" ? step.copies : {};
}

suite("many at once", { timeout: 240_000 }, () => {
  test(`${COUNT} copies in one stack, in an account that throttles, are all right`, async (t) => {
    await using bench = await openChaosBench({ faults: { faults: [THROTTLE] } });
    const [copy] = Object.values(copiesOf(bench));
    assert.ok(copy);
    const names = Array.from({ length: COUNT }, (_, index) => `copy-${index + 1}`);
    const engine = new EngineTwin();
    const copies = Object.fromEntries(names.map((name) => [name, copy]));
    const up = await engine.up(processOf(bench), copies);
    assert.deepEqual(up.problems, []);
    const refused = bench.cloud.firedFaults.length;
    t.diagnostic(`${bench.cloud.calls.length} calls, ${refused} of them throttled`);
    assert.ok(refused >= 5, `only ${refused} calls were throttled`);
    const images = names.map((name) => engine.image(name));
    assert.equal(new Set(images.map((image) => image?.name)).size, COUNT, "names of their own");
    for (const image of images) {
      assert.ok(image);
      assert.deepEqual(await bench.faultsOf(image, bench.sources[0]), []);
    }
    assert.equal((await bench.leftovers()).length, 3 * COUNT, "an image and two snapshots each");
    const destroy = await engine.destroy(processOf(bench));
    assert.deepEqual(destroy.problems, []);
    assert.deepEqual(await bench.leftovers(), []);
  });

  test("of two up of one stack at once, each with a run of its own, one image stays", async (t) => {
    await using bench = await openChaosBench();
    const seconds = { first: 0, second: 0 };
    for (const afterMs of [0, 0, 20, 50, 100, 150, 200]) {
      const both = { first: new EngineTwin("one"), second: new EngineTwin("one") };
      const copies = copiesOf(bench);
      const [first, second] = await Promise.all([
        both.first.up(processOf(bench), copies),
        sleep(afterMs).then(() => both.second.up(processOf(bench), copies)),
      ]);
      const problems = [first, second].flatMap(({ problems }) => problems);
      assert.ok(problems.length <= 1, `${afterMs} ms: ${problems.join("; ")}`);
      if (problems.length === 0) {
        // The first was quicker than the second's claim: what it has finished was taken over.
        const [taken, made] = [both.second.image("golden"), both.first.image("golden")];
        assert.equal(taken?.imageId, made?.imageId);
      } else {
        assert.match(problems.join(), /Another `pulumi up` has begun to copy for the same row/);
      }
      const winner = second.problems.length === 0 ? "second" : "first";
      seconds[winner] += 1;
      const image = both[winner].image("golden");
      assert.ok(image);
      assert.deepEqual(await bench.faultsOf(image, bench.sources[0]), []);
      assert.equal((await bench.leftovers()).length, 3, `second after ${afterMs} ms`);
      assert.deepEqual((await both[winner].destroy(processOf(bench))).problems, []);
      assert.deepEqual(await bench.leftovers(), []);
    }
    t.diagnostic(`first went on ${seconds.first} times, second ${seconds.second} times`);
  });

  test("a stack that is killed and destroyed touches nothing of another one that copies", async () => {
    await using bench = await openChaosBench();
    const [mine, other] = [new EngineTwin(), new EngineTwin()];
    const copies = copiesOf(bench);
    // At each of these calls something else of it is there: groups, helpers, snapshots, an image.
    for (const at of [40, 95, 120, 150]) {
      const killed = processOf(bench, new Fate({ at, blow: Blow.killedAfter }));
      const [, up] = await Promise.all([
        other.up(killed, copies),
        mine.up(processOf(bench), copiesOf(bench, upOf(bench, 1))),
      ]);
      assert.deepEqual(up.problems, []);
      const [destroy, again] = await Promise.all([
        other.destroy(processOf(bench)),
        mine.up(processOf(bench), copies),
      ]);
      assert.deepEqual([...destroy.problems, ...again.problems], []);
      await killed.ended();
      const image = mine.image("golden");
      assert.ok(image);
      assert.deepEqual(await bench.faultsOf(image, bench.sources[0]), []);
      assert.equal((await bench.leftovers()).length, 3, `killed at call ${at}`);
    }
    assert.deepEqual((await mine.destroy(processOf(bench))).problems, []);
    assert.deepEqual(await bench.leftovers(), []);
  });
});
