import assert from "node:assert/strict";
import { test } from "node:test";
import { createHelperInstanceProvider } from "../../dynamic-providers/helper-instance-provider.ts";
import { helper, partsTwin, request, run, stub } from "./parts-twin.ts";

const inputs = { request, run, side: "source", progressUrn: "urn:pulumi:a", ...stub };
const state = { run, side: "source", ...helper, ...stub };

function methods(parts = partsTwin()) {
  const { diff, create, read, update, delete: remove } = createHelperInstanceProvider(parts);
  assert.ok(diff && read && update && remove);
  return { diff, create, read, update, remove };
}

test("a helper's row tells its life after its end", async () => {
  const { id, outs } = await methods().create(inputs);
  assert.equal(id, `${run.runId}-source`);
  assert.deepEqual(outs, { run, side: "source", ...helper });
});

test("a helper of a failed run is no error of its own, and the next run takes its row up", async () => {
  const outcome = { kind: "failed", error: new Error("x") } as const;
  const runs = { join: async () => outcome, outcomeOf: async () => outcome };
  const { outs } = await methods(partsTwin({ runs })).create(inputs);
  assert.deepEqual(outs, { run, side: "source", outcome: "aborted" });
  assert.equal((await methods().diff("id", outs, inputs)).changes, true);
  const again = await methods().update("id", outs, inputs);
  assert.equal(again.outs?.outcome, "complete");
});

test("a finished helper changes only with its run", async () => {
  const news = { ...inputs, request: { ...request, description: "new" } };
  assert.equal((await methods().diff("id", state, news)).changes, false);
  const other = { ...inputs, run: { ...run, runId: "ffffffffffffffff" } };
  assert.deepEqual(await methods().diff("id", state, other), { changes: true, replaces: ["run"] });
});

test("reading and deleting a helper's row call nothing", async () => {
  const parts = partsTwin();
  assert.deepEqual(await methods(parts).read("id", state), { id: "id", props: state });
  await methods(parts).remove("id", state);
  assert.deepEqual(parts.calls, []);
});
