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

test("as many packages come with amicopy as the pages say, and none runs anything when installed", () => {
  const lock = JSON.parse(readFileSync(join(ROOT, "package-lock.json"), "utf8"));
  type Entry = Partial<
    Record<"dev" | "peer" | "optional" | "devOptional" | "hasInstallScript", true>
  >;
  const packages = Object.entries(lock.packages as Record<string, Entry>).filter(
    ([path, { dev, peer, optional, devOptional }]) =>
      path !== "" && !(dev || peer || optional || devOptional),
  );
  const own = Object.keys(lock.packages[""].dependencies);
  const decisions = readFileSync(join(ROOT, "docs/decisions.md"), "utf8");
  assert.ok(
    page.includes(`gets ${packages.length} packages of the registry`),
    `${packages.length}`,
  );
  assert.ok(page.includes(`, ${own.length} of them ours to choose`), `${own.length}`);
  assert.ok(decisions.includes(`is ${packages.length} packages`), `${packages.length}`);
  for (const name of own) assert.match(decisions, new RegExp(`\\|.*\`${name}\`.*\\|`), name);
  assert.deepEqual(
    packages.filter(([, entry]) => entry.hasInstallScript).map(([path]) => path),
    [],
  );
});
