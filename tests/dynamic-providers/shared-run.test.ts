import assert from "node:assert/strict";
import { test } from "node:test";
import type { Cancellation } from "../../dynamic-providers/cancellation.ts";
import type { Progress } from "../../dynamic-providers/progress.ts";
import { createSharedRuns, type RunTicket } from "../../dynamic-providers/shared-run.ts";
import type { CopyResult, ProgressRow } from "../../dynamic-providers/workflow/copy-request.ts";
import { complete, request, run } from "./parts-twin.ts";

assert.ok(complete.kind === "complete");
const { result } = complete;
const rows = ["source", "destination", "image"] as const;

const cancellation: Cancellation = {
  signal: new AbortController().signal,
  checkWanted: async () => undefined,
  guard: (work) => work,
  dispose() {},
};

/** A rendezvous whose one workflow ends when the test says so. */
function rendezvous() {
  const { promise, resolve, reject } = Promise.withResolvers<CopyResult>();
  const attached: string[] = [];
  const summaries: CopyResult[] = [];
  let started = 0;
  const progress: Progress = {
    attach: (row, urn) => void attached.push(`${row} ${urn}`),
    report() {},
    summarize: (told) => void summaries.push(told),
  };
  const runs = createSharedRuns({
    cancellation,
    newProgress: () => progress,
    copy() {
      started += 1;
      return promise;
    },
  });
  return { runs, attached, summaries, started: () => started, resolve, reject };
}

function ticket(row: ProgressRow, runId = run.runId): RunTicket {
  return { row, progressUrn: `urn:${row}`, request, run: { ...run, runId } };
}

test("three rows at once join one workflow, and each is shown", async () => {
  const { runs, attached, started, resolve } = rendezvous();
  const outcomes = rows.map((row) => runs.join(ticket(row)));
  resolve(result);
  assert.deepEqual(await Promise.all(outcomes), [complete, complete, complete]);
  assert.equal(started(), 1);
  assert.deepEqual(attached, [
    "source urn:source",
    "destination urn:destination",
    "image urn:image",
  ]);
});

test("one after the other, the first does it all and the others find it done", async () => {
  const { runs, started, summaries, resolve } = rendezvous();
  resolve(result);
  for (const row of rows) assert.deepEqual(await runs.join(ticket(row)), complete);
  assert.equal(started(), 1);
  assert.equal(summaries.length, 1);
});

test("a run's outcome is there for who asks later, and for no other run", async () => {
  const { runs, resolve } = rendezvous();
  assert.equal(runs.outcomeOf(run.runId), undefined);
  resolve(result);
  await runs.join(ticket("image"));
  assert.deepEqual(await runs.outcomeOf(run.runId), complete);
  assert.equal(runs.outcomeOf("another"), undefined);
});

test("every row learns of a failure, and none of them by an exception", async () => {
  const { runs, summaries, reject } = rendezvous();
  const error = new Error("no");
  reject(error);
  for (const row of rows) assert.deepEqual(await runs.join(ticket(row)), { kind: "failed", error });
  assert.equal(summaries.length, 0);
});

test("copies of one stack do not join each other's workflow", async () => {
  const { runs, started, resolve } = rendezvous();
  resolve(result);
  await Promise.all(["a", "b", "c"].map((runId) => runs.join(ticket("image", runId))));
  assert.equal(started(), 3);
});
