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

test("marks the image and keeps nothing but its run", async () => {
  const parts = partsTwin();
  assert.deepEqual(await methods(parts).create(inputs), { id: run.runId, outs: { run } });
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

test("only another run is another ownership: a repaired image is marked by the repair", async () => {
  const { diff } = methods();
  const unchanged = { changes: false, replaces: [] };
  assert.deepEqual(await diff("id", { run }, { ...inputs, imageId: "ami-1" }), unchanged);
  const other = { ...inputs, run: { ...run, runId: "ffffffffffffffff" } };
  assert.deepEqual(await diff("id", { run }, other), { changes: true, replaces: ["run"] });
});

test("its end takes no mark away", async () => {
  const parts = partsTwin();
  assert.deepEqual(await methods(parts).read("id", { run }), { id: "id", props: { run } });
  await methods(parts).remove("id", { run });
  assert.deepEqual(parts.calls, []);
});
