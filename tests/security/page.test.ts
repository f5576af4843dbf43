/** docs/security.md names a test for what it claims: they are there. */

import assert from "node:assert/strict";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";

const ROOT = join(import.meta.dirname, "../..");
const page = readFileSync(join(ROOT, "docs/security.md"), "utf8").replace(/\s+/g, " ");

test("every test file that the page names exists", () => {
  const paths = [...page.matchAll(/`(tests\/[\w/.-]+)`/g)].map(([, path = ""]) => path);
  assert.ok(paths.length > 15, `${paths.length}`);
  const missing = paths.filter((path) => !existsSync(join(ROOT, path)));
  assert.deepEqual(missing, []);
});

test("every test that the page quotes is in the file that it names", () => {
  const quotes = [...page.matchAll(/"([^"]{10,})" in `(tests\/[\w/.-]+)`/g)];
  assert.ok(quotes.length >= 4, `${quotes.length}`);
  for (const [, name = "", path = ""] of quotes) {
    assert.ok(readFileSync(join(ROOT, path), "utf8").includes(name), `${name} in ${path}`);
  }
});
