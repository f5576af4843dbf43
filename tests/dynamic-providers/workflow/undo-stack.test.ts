import assert from "node:assert/strict";
import { test } from "node:test";
import { UndoStack } from "../../../dynamic-providers/workflow/undo-stack.ts";

test("undo runs last in first out, goes on past a failure and reports it by name", async () => {
  const order: string[] = [];
  const undo = new UndoStack();
  undo.always("group sg-1", async () => void order.push("group"));
  undo.always("instance i-1", async () => {
    throw new Error("denied");
  });
  undo.onFailure("image ami-1", async () => void order.push("image"));
  assert.deepEqual(await undo.run(true), ["instance i-1: denied"]);
  assert.deepEqual(order, ["image", "group"]);
});

test("products stay when the run succeeded, and what was dismissed always does", async () => {
  const order: string[] = [];
  const undo = new UndoStack();
  undo.always("group", async () => void order.push("group"));
  undo.onFailure("image", async () => void order.push("image"));
  undo.always("instance", async () => void order.push("instance")).dismiss();
  assert.deepEqual(await undo.run(false), []);
  assert.deepEqual(order, ["group"]);
  assert.deepEqual(await undo.run(true), [], "a second clean-up finds nothing to do");
});
