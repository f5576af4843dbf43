import assert from "node:assert/strict";
import { test } from "node:test";
import { createImageOwnershipProvider } from "../../dynamic-providers/image-ownership-provider.ts";
import { image, partsTwin, request, run, stub } from "./parts-twin.ts";

const { imageId, snapshots } = image;
const inputs = { request, run, imageId, snapshots, ...stub };

function methods(parts = partsTwin()) {
  const { diff, create, read, update, delete: remove } = createImageOwnershipProvider(parts);
  assert.ok(diff && read && update && remove);
  return { diff, create, read, update, remove };
}

const state = { run, imageId };

test("marks the image and keeps nothing but what it marked", async () => {
  const parts = partsTwin();
  assert.deepEqual(await methods(parts).create(inputs), { id: run.runId, outs: state });
  assert.deepEqual(parts.calls, [`own ${imageId}`]);
});

test("credentials of another account mark nothing", async () => {
  const other = { ...run, destination: { ...run.destination, accountId: "999999999999" } };
  const parts = partsTwin();
  await assert.rejects(methods(parts).create({ ...inputs, run: other }), {
    message: /lead to account/,
  });
  assert.deepEqual(parts.calls, []);
});

test("another image of the run is marked, another run is another ownership", async () => {
  const parts = partsTwin();
  const { diff, update } = methods(parts);
  assert.deepEqual(await diff("id", state, inputs), { changes: false, replaces: [] });
  const remade = { ...inputs, imageId: "ami-1" };
  assert.deepEqual(await diff("id", state, remade), { changes: true, replaces: [] });
  assert.deepEqual(await update("id", state, remade), { outs: { run, imageId: "ami-1" } });
  assert.deepEqual(parts.calls, ["own ami-1"]);
  const other = { ...inputs, run: { ...run, runId: "ffffffffffffffff" } };
  assert.deepEqual(await diff("id", state, other), { changes: true, replaces: ["run"] });
});

test("which image it will be is not known before the copy is made", async () => {
  const news = { ...inputs, imageId: "04da6b54-80e4-46f7-96ec-b56ff0331ba9" };
  assert.deepEqual(await methods().diff("id", state, news), { changes: false, replaces: [] });
});

test("its end takes no mark away", async () => {
  const parts = partsTwin();
  assert.deepEqual(await methods(parts).read("id", state), { id: "id", props: state });
  await methods(parts).remove("id", state);
  assert.deepEqual(parts.calls, []);
});
