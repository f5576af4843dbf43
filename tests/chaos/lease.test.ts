/** A controller that is gone, and two real helpers that nobody ends. */

import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { suite, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import type { HelperSide } from "../../agent/contract.ts";
import { bundleAgent, makeUserData } from "../../tools/build.ts";
import { openCloudBench, QUICK } from "../dynamic-providers/workflow/cloud-bench.ts";
import { EngineTwin } from "./engine-twin.ts";
import { Blow, Fate, startProviderProcess } from "./provider-process.ts";

const LEASE_MS = 4000;
/** Ours: the lease, a boot beside others, and the end of two machines. */
const LIMIT_MS = 60_000;

suite("helpers whose controller was killed", { timeout: 120_000 }, () => {
  test("end by their lease, and the next destroy removes what cannot end itself", async (t) => {
    await using bench = await openCloudBench();
    const boot = await readFile(new URL("../../agent/boot.sh", import.meta.url), "utf8");
    const userDataTemplate = async (side: HelperSide) =>
      makeUserData(boot, (await bundleAgent(side)).code);
    const limits = { ...QUICK, leaseMs: LEASE_MS };
    const { env } = bench.cloud;
    const fate = new Fate();
    const engine = new EngineTwin();
    const { sourceAmiId, source, destination } = bench.request;
    const process = startProviderProcess({ environment: env, limits, fate, userDataTemplate });
    const up = engine.up(process, { golden: { sourceAmiId, source, destination } });
    const machines = async () =>
      (await bench.leftovers()).filter((line) => line.startsWith("instance"));
    while ((await machines()).filter((line) => line.endsWith("running")).length < 2) {
      await sleep(20);
    }
    fate.strike(Blow.killedBefore);
    assert.equal((await up).ended, "lost");
    const startMs = performance.now();
    while ((await machines()).length > 0) {
      assert.ok(performance.now() - startMs < LIMIT_MS, "a helper lives on without a controller");
      await sleep(50);
    }
    const seconds = ((performance.now() - startMs) / 1000).toFixed(1);
    t.diagnostic(`both helpers were gone after ${seconds} s, with a lease of ${LEASE_MS / 1000} s`);
    const left = (await bench.leftovers()).map((line) => line.split(" ")[0]);
    assert.deepEqual(left, ["security-group", "security-group"]);
    const ended = bench.cloud.calls.filter(({ action }) => action === "TerminateInstances");
    assert.deepEqual(ended, [], "nobody has ended them");
    const destroy = await engine.destroy(startProviderProcess({ environment: env, limits, fate }));
    assert.deepEqual(destroy.problems, []);
    assert.deepEqual(await bench.leftovers(), []);
    await process.ended();
  });
});
