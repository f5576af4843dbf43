/** Words from outside in our errors, logs, tables, scripts: they stay words. */

import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { gunzipSync } from "node:zlib";
import fc from "fast-check";
import type { Job } from "../../agent/contract.ts";
import { formatListing } from "../../cli/listing-table.ts";
import { formatPlan } from "../../cli/sweep-report.ts";
import { readImage, readInstance, readSnapshot } from "../../dynamic-providers/ec2/read-answers.ts";
import { toCloudError } from "../../dynamic-providers/ec2/sdk-errors.ts";
import { openEngineLog } from "../../dynamic-providers/engine-log.ts";
import { messageOf, preflightError } from "../../dynamic-providers/failure.ts";
import { printable, printableLine } from "../../dynamic-providers/printable.ts";
import { CopyError } from "../../dynamic-providers/workflow/copy-error.ts";
import { consoleTail } from "../../dynamic-providers/workflow/helper-console.ts";
import { planSweep } from "../../dynamic-providers/workflow/plan-sweep.ts";
import { userDataFor } from "../../dynamic-providers/workflow/user-data.ts";

/** Moves the cursor, sets the window's title, turns the direction, fakes a line of a CI system. */
const HOSTILE =
  "x\x1b[2J\x1b]0;owned\x07\r\n::error::fake\n  - fake\x00\x7f\x9b31m\u202egnp.\u2028\u200b\ud800 $(touch /tmp/x) `id` 'y\"";
const HARMFUL = /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Cs}]/u;
const nasty = () => fc.oneof(fc.constant(HOSTILE), fc.string({ unit: "binary" }));

function assertHarmless(text: string, lines?: number): void {
  for (const line of text.split("\n")) assert.ok(!HARMFUL.test(line), JSON.stringify(line));
  if (lines !== undefined) assert.equal(text.split("\n").length, lines, JSON.stringify(text));
}

test("whatever could act on a terminal is shown as its code; other words stay as they are", () => {
  fc.assert(
    fc.property(nasty(), (text) => {
      assertHarmless(printable(text));
      assertHarmless(printableLine(text), 1);
      assert.equal(printable(printable(text)), printable(text));
    }),
  );
  const words = "Größe · 412 Mbit/s → “ami-1”\n  | second line";
  assert.equal(printable(words), words);
  assert.equal(printableLine("a\x1b[0mb\u202e\n"), "a\\x1b[0mb\\u{202e}\\x0a");
});

test("an error shows hostile words of a name, a reason or a left-over harmlessly", () => {
  const error = new CopyError(`snap-1 (${HOSTILE.replaceAll("\n", " ")})${consoleTail(HOSTILE)}`, {
    code: "helper-failed",
    step: "transfer",
  });
  error.leftBehind = [`instance i-1: ${HOSTILE}`];
  const message = messageOf(error);
  assertHarmless(message);
  const fake = message.split("\n").filter((line) => /^(?:::| {2}- )/.test(line));
  assert.deepEqual(fake, [], "no line begins with what somebody else has said");
  assertHarmless(messageOf(HOSTILE));
});

test("problems that quote a hostile image's name, state or licence are each a line of their own", () => {
  const problem = fc.record({
    property: fc.constantFrom("sourceAmiId", "source.region"),
    message: nasty(),
    hint: nasty(),
  });
  fc.assert(
    fc.property(fc.array(problem, { minLength: 1 }), (problems) => {
      const lines = problems.length === 1 ? 1 : problems.length + 1;
      assertHarmless(preflightError(problems).message, lines);
    }),
  );
});

test("reasons that EC2 gives in words of others, and its errors, are one harmless line", () => {
  const reasons = [
    readInstance({ StateReason: { Message: HOSTILE } }).stateReason,
    readInstance({ StateTransitionReason: HOSTILE }).stateReason,
    readSnapshot({ StateMessage: HOSTILE }).stateMessage,
    readImage({ StateReason: { Message: HOSTILE } }).stateReason,
  ];
  for (const reason of reasons) assertHarmless(reason ?? "\x00", 1);
  const sdk = Object.assign(new Error(HOSTILE), { name: HOSTILE });
  assertHarmless(messageOf(toCloudError(sdk, "RunInstances", "us-east-1")));
});

test("a log line, a sweep's plan and a listing show hostile words harmlessly", (context) => {
  const said: string[] = [];
  context.mock.method(console, "log", (text: string) => said.push(text));
  context.mock.method(console, "warn", (text: string) => said.push(text));
  const log = openEngineLog([]);
  log.note(undefined, HOSTILE);
  log.warn("urn", HOSTILE);
  assert.equal(said.length, 2);
  for (const text of said) assertHarmless(text);

  const thing = { kind: "instance", id: HOSTILE, state: HOSTILE } as const;
  const tags = { "amicopy:run": HOSTILE, "amicopy:role": HOSTILE, Name: HOSTILE };
  const wishes = { nowMs: 0, olderThanMs: 0, force: true, renewed: new Set<string>() };
  const plan = planSweep(
    [
      { ...thing, tags },
      { ...thing, tags: { "amicopy:run": "0123456789abcdef", "amicopy:expires": HOSTILE } },
    ],
    wishes,
  );
  assertHarmless(formatPlan(plan));

  const listed = { kind: "image", id: "ami-1", state: "available" } as const;
  const things = [{ ...listed, details: { name: HOSTILE }, tags: { [HOSTILE]: HOSTILE } }];
  const region = { region: "us-east-1", partition: "aws", account: "1", profile: "p", things };
  assertHarmless(formatListing({ regions: [region] }), 4);
});

test("a job reaches the agent through the boot script letter by letter, whatever is in it", () => {
  const boot = readFileSync(new URL("../../agent/boot.sh", import.meta.url), "utf8");
  const start = boot.slice(boot.indexOf("job=$("), boot.indexOf("# Prints the text of one field"));
  const ends = ["END", "\nEND\n)\ntouch x\n", "$(id)`id`$HOME$&$'@JOB@", "'\"\\"];
  for (const deviceName of [HOSTILE, ...ends]) {
    const job = { version: 1, disks: [{ deviceName, sizeBytes: 1 }] } as unknown as Job;
    const script = gunzipSync(
      userDataFor(`#!/bin/sh\n${start}`, job, { maxBytes: 16_384 }),
    ).toString();
    const shown = spawnSync("sh", ["-eu", "-c", `${script}\nprintf %s "$job"`], {
      encoding: "utf8",
      env: { PATH: process.env.PATH },
    });
    assert.equal(shown.status, 0, shown.stderr);
    assert.deepEqual(JSON.parse(shown.stdout), JSON.parse(JSON.stringify(job)));
  }
});
