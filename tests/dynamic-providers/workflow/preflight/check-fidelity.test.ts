import assert from "node:assert/strict";
import { test } from "node:test";
import type { FidelityLine } from "../../../../dynamic-providers/workflow/copy-request.ts";
import { checkFidelity } from "../../../../dynamic-providers/workflow/preflight/check-fidelity.ts";

const LINES: readonly FidelityLine[] = [
  { attribute: "boot mode", outcome: "kept", source: "uefi", copy: "uefi" },
  { attribute: "name", outcome: "asked", source: "a", copy: "b", reason: "asked for with name" },
  { attribute: "watermarks", outcome: "lost", source: "1:ours", copy: "", reason: "nobody can" },
  { attribute: "product codes", outcome: "lost", source: "abc", copy: "", reason: "nor this" },
];

test("strict names each loss, and nothing that was kept or asked for", () => {
  const hint = "Repair that, or leave out strict to copy without it.";
  assert.deepEqual(checkFidelity(true, LINES), [
    {
      property: "strict",
      message: "The copy cannot have the source's watermarks (1:ours): nobody can.",
      hint,
    },
    {
      property: "strict",
      message: "The copy cannot have the source's product codes (abc): nor this.",
      hint,
    },
  ]);
});

test("without strict a loss is told and no problem", () => {
  assert.deepEqual(checkFidelity(undefined, LINES), []);
  assert.deepEqual(checkFidelity(false, LINES), []);
});
