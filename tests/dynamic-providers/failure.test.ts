import assert from "node:assert/strict";
import { test } from "node:test";
import { messageOf, plainError, unfinishedError } from "../../dynamic-providers/failure.ts";
import { CopyError } from "../../dynamic-providers/workflow/copy-error.ts";

const failure = new CopyError("helper i-1 lost its disk", {
  code: "helper-lost",
  step: "transfer",
  hint: "Run `pulumi up` again.",
});

test("a failure is told in whole sentences: what failed, what to do, what is left", () => {
  assert.equal(messageOf(failure), "Helper i-1 lost its disk. Run `pulumi up` again.");
  const left = new CopyError("it was stopped", { code: "stopped", step: "transfer" });
  left.leftBehind = ["instance i-1 in us-east-1: denied", "volume vol-1 in us-east-1: denied"];
  assert.equal(
    messageOf(left),
    "It was stopped. Could not be cleaned up: instance i-1 in us-east-1: denied; volume vol-1 in us-east-1: denied.",
  );
});

test("a message that begins with an argument's path is left as it is", () => {
  assert.equal(
    messageOf(new Error("source.region: no such region")),
    "source.region: no such region.",
  );
});

test("lines of a console follow on lines of their own", () => {
  const error = new CopyError("the helper said:\n  disk error", {
    code: "helper-failed",
    step: "x",
    hint: "Look.",
  });
  assert.equal(messageOf(error), "The helper said:\n  disk error\nLook.");
});

test("an error of somebody else loses everything but its message", () => {
  const foreign = Object.assign(new Error("no"), { id: "x", properties: {}, code: 14 });
  assert.ok(!("id" in plainError(foreign)) && !("code" in plainError(foreign)));
  assert.equal(plainError("text").message, "text");
});

test("an unfinished resource keeps its provider, or nothing could delete it", () => {
  const inputs = { __provider: "stub", request: {} };
  const error = unfinishedError(failure, { id: "run", outputs: { outcome: "aborted" }, inputs });
  assert.ok("id" in error && "properties" in error && "reasons" in error);
  assert.equal(error.id, "run");
  assert.deepEqual(error.properties, { outcome: "aborted", __provider: "stub" });
  assert.deepEqual(error.reasons, [messageOf(failure)]);
});

test("no message is longer than a person reads", () => {
  assert.ok(messageOf(new Error("x".repeat(100_000))).length <= 6000);
});
