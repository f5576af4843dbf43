/** Kills with the real engine and real helpers, one after the other on one stack. */

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
import type { LocalcloudOptions } from "../../localcloud/localcloud.ts";
import { destination, openScene, type Scene, type SourceImage, source } from "../e2e/scene.ts";
import type { Operation, Stack } from "../e2e/stack.ts";
import { processesBelow, type SeenProcess } from "../security/watched-machines.ts";
import { describeKill, type Kill, PROVIDER_PATTERN, RACE, VICTIMS, watchFor } from "./kills.ts";

/** Three heartbeats at that pace are 1.5 s; then it may have helpers to end. */
const ORPHAN_MS = 30_000;

/** Before a row of ours is shown, Pulumi's process may not have loaded anything of ours that could end it. */
const OURS_PATTERN = /CopyRun golden/;

/** A tenth of the waits that AWS is owed; what must be longer than something else still is. */
const PACE = "0.1";

export interface KillGround extends AsyncDisposable {
  /** @returns Whether it came to the kill: an operation may be quicker. @throws Error when it breaks the rule. */
  try(kill: Kill): Promise<boolean>;
}

/** @param environment - Of the stack, over the scene's own. */
export async function openKillGround(
  environment: NodeJS.ProcessEnv = {},
  options: LocalcloudOptions = {},
): Promise<KillGround> {
  await using opened = new AsyncDisposableStack();
  const scene = await openScene(options);
  opened.defer(() => scene.close());
  const sources = [await scene.importImage("first"), await scene.importImage("second")] as const;
  const stack = await scene.newStack({ AMICOPY_PACE: PACE, ...environment });
  opened.defer(async () => void (await unlocked(stack, () => stack.destroy())));
  const all = opened.move();
  let count = 0;
  return {
    async try(kill) {
      const from = sources[count % 2] as SourceImage;
      count += 1;
      stack.declare({
        golden: { sourceAmiId: from.imageId, source, destination, timeoutMinutes: 5 },
      });
      let orphans: readonly SeenProcess[] = [];
      let second: Promise<Operation> | undefined;
      let shown = "";
      let isLoaded = false;
      const watch = watchFor(kill.at, (cli) => {
        if (kill.victim === RACE) {
          second = race(stack);
          second.catch(() => undefined);
          return;
        }
        isLoaded = OURS_PATTERN.test(shown);
        orphans = processesBelow(cli.pid ?? 0);
        VICTIMS[kill.victim](cli);
      });
      const killed = await stack.up({
        onOutput(output, cli) {
          shown = output;
          watch.onOutput(output, cli);
        },
      });
      watch.end();
      const raced = await second;
      try {
        if (!watch.struck) assert.equal(killed.code, 0, "nobody touched the up, and it failed");
        await goOn({ scene, stack, from }, kill);
        if (isLoaded) await assertProviderEnds(orphans);
      } catch (error) {
        const outputs = [killed, ...(raced === undefined ? [] : [raced])];
        const output = outputs
          .map(({ code, output }) => `the disturbed up (${code}):\n${output}`)
          .join("\n");
        throw new Error(`${describeKill(kill)}: ${error}\n${output}`, { cause: error });
      } finally {
        endAll(orphans);
      }
      return watch.struck;
    },
    [Symbol.asyncDispose]: () => all.disposeAsync(),
  };
}

interface Ground {
  readonly scene: Scene;
  readonly stack: Stack;
  readonly from: SourceImage;
}

async function goOn({ scene, stack, from }: Ground, { recovery }: Kill): Promise<void> {
  if (recovery === "up") {
    const up = await unlocked(stack, () => stack.up());
    assert.equal(up.code, 0, up.output);
    const image = await stack.image("golden");
    await scene.assertOnlyLeft(image);
    await scene.assertEqualBytes(image, from);
    return;
  }
  const destroy = await unlocked(stack, () => stack.destroy());
  assert.equal(destroy.code, 0, destroy.output);
  await scene.assertOnlyLeft();
}

/** While the first still lives: two processes on one run, of which the fence lets one go on. */
async function race(stack: Stack): Promise<Operation> {
  const cancel = await stack.run("cancel", "--yes");
  assert.equal(cancel.code, 0, cancel.output);
  return stack.up();
}

/** As a person does it: told that the stack is locked by who is gone, they cancel and try again. */
async function unlocked(stack: Stack, operate: () => Promise<Operation>): Promise<Operation> {
  const operation = await operate();
  if (!/the stack is currently locked/.test(operation.output)) return operation;
  const cancel = await stack.run("cancel", "--yes");
  assert.equal(cancel.code, 0, cancel.output);
  return operate();
}

/**
 * Our provider ends by itself when its engine is gone. Pulumi's language host does not, whose process
 * it is; the caller ends it.
 *
 * @throws AssertionError when the provider is still there.
 */
async function assertProviderEnds(orphans: readonly SeenProcess[]): Promise<void> {
  const limitMs = performance.now() + ORPHAN_MS;
  const providers = orphans.filter(({ args }) => PROVIDER_PATTERN.test(args));
  while (providers.some(isThere)) {
    assert.ok(performance.now() < limitMs, "the provider of a killed CLI is still there");
    await sleep(100);
  }
}

/** With what they have started since: Pulumi's provider is a shell that starts its Node a moment later. */
function endAll(orphans: readonly SeenProcess[]): void {
  const living = orphans.filter(isThere);
  for (const { pid } of [...living.flatMap(({ pid }) => processesBelow(pid)), ...living]) {
    try {
      process.kill(pid, "SIGKILL");
    } catch {
      // It has ended in the meantime.
    }
  }
}

function isThere({ pid, args }: SeenProcess): boolean {
  return argumentsOf(pid) === args;
}

/** Empty for a process that is gone. */
function argumentsOf(pid: number): string {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, "latin1");
  } catch {
    return "";
  }
}
