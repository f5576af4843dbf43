/** docs/fidelity.md names a test for each of our cells: they are there. */

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";

const ROOT = join(import.meta.dirname, "../../..");
const page = readFileSync(join(ROOT, "docs/fidelity.md"), "utf8");
const cells = page
  .split("\n")
  .filter((line) => line.startsWith("| ") && line.split("|").length === 8)
  .map((line) => line.split("|").map((cell) => cell.trim()))
  .filter(([, attribute]) => attribute !== "attribute" && !/^-+$/.test(attribute ?? ""));
const files = new Map(
  [...page.matchAll(/^\| ([A-Z]) +\| `(tests\/[\w/.-]+)` +\|$/gm)].map(([, letter, path]) => [
    letter,
    readFileSync(join(ROOT, path ?? ""), "utf8"),
  ]),
);

test("every cell of ours names a test, and its file has a test of that name", () => {
  assert.ok(cells.length > 25, `${cells.length} rows`);
  for (const [, attribute = "", , , , , ours = ""] of cells) {
    const named = [...ours.matchAll(/([A-Z]): "([^"]+)"/g)];
    assert.ok(named.length > 0, `no test for ${attribute}`);
    for (const [, letter, name = ""] of named) {
      const titles = [...(files.get(letter) ?? "").matchAll(/\btest\(\s*(["`])(.*?)\1,/gs)];
      const isThere = titles.some(([, , title = ""]) => title.includes(name));
      assert.ok(isThere, `${attribute}: no test "${name}" in the file of ${letter}`);
    }
  }
});
