/** Where fetched files go is for whoever fetches to say, never for the server. */

import assert from "node:assert/strict";
import { test } from "node:test";
import { outputPlaces } from "../../cli/output-places.ts";

const all = { output: undefined, directory: "/home/somebody", files: ["*"] };

test("a server's list names no place outside the folder", () => {
  assert.deepEqual(outputPlaces(["a", "/etc/b", "../../c"], all), [
    "/home/somebody/a",
    "/home/somebody/b",
    "/home/somebody/c",
  ]);
});

test("a hidden file in a server's list is refused: it may be one that a shell runs", () => {
  for (const name of [".bashrc", "x/.profile", "../.ssh"]) {
    assert.throws(() => outputPlaces(["a", name], all), {
      name: "UsageError",
      message: /the server's list has the hidden file \S+: fetch it by its name/,
    });
  }
});

test("a hidden file that was asked for by its name is fetched", () => {
  for (const asked of ["x/.profile", ".profile"]) {
    const command = { ...all, files: ["*", asked] };
    assert.deepEqual(outputPlaces(["x/.profile"], command), ["/home/somebody/.profile"]);
  }
  const elsewhere = { ...all, output: "/dev/null" };
  assert.deepEqual(outputPlaces([".profile"], elsewhere), ["/dev/null"]);
});

test("a name that another's unfinished file would have is refused", () => {
  for (const names of [
    ["disk.part", "disk"],
    ["disk", "disk.part"],
    ["a", "b", "a"],
  ]) {
    assert.throws(() => outputPlaces(names, all), {
      name: "UsageError",
      message: /^two of the files would become \/home\/somebody\/(?:disk\.part|a): /,
    });
  }
});
