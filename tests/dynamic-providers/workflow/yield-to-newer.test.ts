/** Two runs for one row of a stack, as after a `pulumi cancel` against a `pulumi` that lives. */

import assert from "node:assert/strict";
import { after, test } from "node:test";
import { isCopyError } from "../../../dynamic-providers/workflow/copy-error.ts";
import { copyImage } from "../../../dynamic-providers/workflow/copy-image.ts";
import type { CopyResult, RunIdentity } from "../../../dynamic-providers/workflow/copy-request.ts";
import { removeImage } from "../../../dynamic-providers/workflow/remove-image.ts";
import { type RunContext, systemClock } from "../../../dynamic-providers/workflow/run-context.ts";
import { exchange, openCloudBench, QUICK, runId } from "./cloud-bench.ts";

const ROW = "00000000000000aa";
const YEAR_MS = 365 * 86_400_000;

const bench = await openCloudBench();
after(() => bench[Symbol.asyncDispose]());

async function runOf(number: number, row = ROW): Promise<RunIdentity> {
  return { ...(await bench.identity(runId(number))), row };
}

const copy = (run: RunIdentity, context: RunContext) => copyImage(bench.request, run, context);

async function assertDisplaced(running: Promise<unknown>, by: RunIdentity): Promise<void> {
  await assert.rejects(running, (error) => {
    assert.ok(isCopyError(error, "displaced"), String(error));
    assert.match(error.message, /^another `pulumi up` has begun to copy for the same row/);
    assert.ok(error.message.includes(`(run ${by.runId})`), error.message);
    assert.deepEqual(error.leftBehind, []);
    return true;
  });
}

/** All that is there belongs to this copy. */
async function assertOnlyLeft({ image }: CopyResult): Promise<void> {
  const ids = [image.imageId, ...image.snapshots.map(({ snapshotId }) => snapshotId)];
  const left = (await bench.leftovers()).map((line) => line.split(" ")[1]);
  assert.deepEqual(left.sort(), ids.sort());
  await removeImage(image, bench.clouds().destination, { limits: QUICK, clock: systemClock });
  assert.deepEqual(await bench.leftovers(), []);
}

/** Somebody else's claim of the row, of whom nothing more is heard. */
async function claimBySomebody(number: number, begunMs: number): Promise<string> {
  const { destination } = bench.clouds();
  const [subnet] = await destination.describeSubnets({ defaults: true });
  return destination.createSecurityGroup({
    name: `amicopy-${runId(number)}-1`,
    description: "of somebody",
    vpcId: subnet?.vpcId ?? "",
    tags: {
      "amicopy:run": runId(number),
      "amicopy:stack-row": ROW,
      "amicopy:begun": new Date(begunMs).toISOString(),
      "amicopy:role": "security-group",
    },
  });
}

test("the run that claimed first ends while its helpers work, and the other goes on when it has", async () => {
  const { promise: introduced, resolve } = Promise.withResolvers<void>();
  const [first, second] = [await runOf(1), await runOf(2)];
  const report = (_row: string, text: string) => text === "introduced" && resolve();
  const older = assertDisplaced(copy(first, await bench.context("waits", { report })), second);
  await introduced;
  const said: string[] = [];
  const told = await bench.context("good", { report: (_row, text) => said.push(text) });
  const result = await copy(second, told);
  await older;
  const wait = said.indexOf(`waiting for run ${first.runId} of the same row to end`);
  assert.ok(wait >= 0 && wait < said.findIndex((text) => /^launching/.test(text)), said.join("\n"));
  await assertOnlyLeft(result);
});

test("of a run that had all but claimed its image, the image goes and the snapshots go with it", async () => {
  const [first, second] = [await runOf(3), await runOf(4)];
  const { promise: registered, resolve } = Promise.withResolvers<void>();
  const { promise: claimed, resolve: claim } = Promise.withResolvers<void>();
  const context = await bench.context("good");
  const destination = exchange(context.clouds.destination, {
    async registerImage(registration) {
      const imageId = await context.clouds.destination.registerImage(registration);
      resolve();
      await claimed;
      return imageId;
    },
  });
  const clouds = { ...context.clouds, destination };
  const older = assertDisplaced(copy(first, { ...context, clouds }), second);
  await registered;
  const report = (_row: string, text: string) => /^waiting for run/.test(text) && claim();
  const result = await copy(second, await bench.context("good", { report }));
  await older;
  await assertOnlyLeft(result);
});

test("a newer claim is found before anything is launched", async () => {
  const groupId = await claimBySomebody(5, Date.now() + YEAR_MS);
  const from = bench.cloud.calls.length;
  const running = copy(await runOf(6), await bench.context("good"));
  await assertDisplaced(running, await runOf(5));
  const actions = bench.cloud.calls.slice(from).map(({ action }) => action);
  assert.ok(!actions.includes("RunInstances"));
  await bench.clouds().destination.deleteSecurityGroup(groupId);
  assert.deepEqual(await bench.leftovers(), []);
});

test("an older claim whose process is dead delays a copy and does not hinder it", async () => {
  const groupId = await claimBySomebody(7, Date.now() - YEAR_MS);
  const result = await copy(await runOf(8), await bench.context("good"));
  await bench.clouds().destination.deleteSecurityGroup(groupId);
  await assertOnlyLeft(result);
});

test("runs of other rows do not see each other", async () => {
  const rows = ["00000000000000bb", "00000000000000cc"];
  const results = await Promise.all(
    rows.map(async (row, index) => copy(await runOf(9 + index, row), await bench.context("good"))),
  );
  const { destination } = bench.clouds();
  for (const { image } of results) {
    await removeImage(image, destination, { limits: QUICK, clock: systemClock });
  }
  assert.deepEqual(await bench.leftovers(), []);
});
