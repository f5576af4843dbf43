import assert from "node:assert/strict";
import { test } from "node:test";
import { readSweepCommand } from "../../cli/sweep-command.ts";
import { UsageError } from "../../cli/usage-error.ts";

test("a region is enough", () => {
  assert.deepEqual(readSweepCommand(["--region", "us-gov-west-1"]), {
    region: "us-gov-west-1",
    olderThanMs: 0,
    dryRun: false,
    force: false,
  });
});

test("everything can be said", () => {
  const args = ["--region=eusc-de-east-1", "--profile", "gov", "--run", "0123456789abcdef"];
  assert.deepEqual(readSweepCommand([...args, "--dry-run", "--force"]), {
    region: "eusc-de-east-1",
    profile: "gov",
    runId: "0123456789abcdef",
    olderThanMs: 0,
    dryRun: true,
    force: true,
  });
});

test("a duration has a unit", () => {
  const read = (text: string) => readSweepCommand(["--region", "us-east-1", "--older-than", text]);
  const cases = { "30s": 30_000, "90m": 5_400_000, "2h": 7_200_000, "3d": 259_200_000 };
  for (const [text, expected] of Object.entries(cases)) {
    const command = read(text);
    assert.ok(command !== "help");
    assert.equal(command.olderThanMs, expected);
  }
  for (const text of ["", "2", "h", "2 h", "-2h", "2w", "1.5h", "9999999s", "toString"]) {
    assert.throws(() => read(text), { name: "UsageError", message: /--older-than/ }, text);
  }
});

test("help is help wherever it stands", () => {
  assert.equal(readSweepCommand(["--help"]), "help");
  assert.equal(readSweepCommand(["--region", "x", "-h"]), "help");
});

test("what is wrong is named", () => {
  const region = ["--region", "us-east-1"];
  const cases: [string[], RegExp][] = [
    [[], /--region is missing/],
    [["--region", "us-east-1a"], /--region is a region's name/],
    [["--region", "https://example.com/"], /--region is a region's name/],
    [[...region, "--profile", ""], /--profile is empty/],
    [[...region, "--run", "1"], /--run is 16 hex digits/],
    [[...region, "--run", "0123456789ABCDEF"], /--run is 16 hex digits/],
    [[...region, "--force", "--older-than", "2h"], /give one/],
    [[...region, "--forced"], /--forced/],
    [[...region, "ami-1"], /ami-1/],
  ];
  for (const [args, message] of cases) {
    const isRight = (error: unknown) => error instanceof UsageError && message.test(error.message);
    assert.throws(() => readSweepCommand(args), isRight, args.join(" "));
  }
});
