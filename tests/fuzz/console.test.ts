/** The serial console of a helper: text of a machine, torn, glued, and perhaps hostile. */

import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import {
  BOOT_SEQUENCE,
  CONSOLE_LINE_MAX_LENGTH,
  decodeConsoleLines,
  ExitCode,
  type ExitName,
  encodeConsoleLine,
  type HelperMessage,
  Tag,
} from "../../agent/contract.ts";
import type { Ec2 } from "../../dynamic-providers/ec2/ec2.ts";
import { consoleTail, HelperConsole } from "../../dynamic-providers/workflow/helper-console.ts";
import type { Helper } from "../../dynamic-providers/workflow/launch-helper.ts";
import { fuzz, mutated, nearly } from "../support/fuzz.ts";

const messages: HelperMessage[] = [
  { type: "hello", publicKey: "k".repeat(43), node: "v26.10.0" },
  { type: "progress", bytesTotal: 9e9, bytesDone: 5, rateBitsPerSecond: 1e9, lossRatio: 0.01 },
  { type: "volume", index: 1, digest: "ab".repeat(32) },
  { type: "done", bytesRead: 1, bytesSent: 2, bytesResent: 3, durationMs: 4 },
  { type: "failed", code: "disk-io", message: "the disk {sdf} says no" },
];
const lines = messages.map((message, index) =>
  encodeConsoleLine({ sequence: message.type === "progress" ? 0 : index + 1, message }),
);
const text = [
  "[    1.5] Linux version 6.18 (gcc) #1 SMP",
  `[   12.0] cloud-init[1234]: ${lines[0]}`,
  lines.slice(1).join("\r\n"),
  `${lines[2]}${lines[3]}[  13.1] nvme nvme1: 2/0/0`,
].join("\n");

/** Lines whose checksum is right, whatever they say. */
const hostile = fc
  .tuple(
    fc.constantFrom(...messages).chain((one) => nearly({ ...one })),
    fc.nat(12),
  )
  .map(([message, sequence]) => {
    return encodeConsoleLine({ sequence, message: message as unknown as HelperMessage });
  });
const noise = fc.oneof(fc.string(), fc.constantFrom(...lines, "\r\n", "amicopy1 ", "\u001b[2J"));
const console = fc.oneof(
  mutated(Buffer.from(text)).map((bytes) => bytes.toString("latin1")),
  fc.array(fc.oneof(hostile, noise), { maxLength: 20 }).map((all) => all.join("\n")),
  fc.array(fc.oneof(hostile, noise), { maxLength: 20 }).map((all) => all.join("")),
);

test("any text of a console: what is believed is sane, and can be said again", async (t) => {
  const property = fc.property(console, (all) => {
    for (const { sequence, message } of decodeConsoleLines(all)) {
      assert.ok(Number.isSafeInteger(sequence) && sequence >= 0 && sequence <= BOOT_SEQUENCE);
      const again = decodeConsoleLines(encodeConsoleLine({ sequence, message }));
      assert.deepEqual(again, [{ sequence, message }]);
    }
  });
  await fuzz(t, property, 4000);
});

test("every reason that a helper can give is read as it was said", async (t) => {
  const code = fc.constantFrom(...(Object.keys(ExitCode) as ExitName[]));
  const message = fc.string({ unit: "binary-ascii", maxLength: 300 }).map((words) => {
    return words.replace(/[^\x20-\x7e]|["\\]/g, "'");
  });
  const property = fc.property(code, message, fc.nat(BOOT_SEQUENCE), (why, words, sequence) => {
    const failed = { type: "failed" as const, code: why, message: words };
    const line = encodeConsoleLine({ sequence, message: failed });
    const [read] = decodeConsoleLines(`x${line}y`);
    // Braces are escaped, and six times as long: nobody says a hundred of them.
    if (line.length <= CONSOLE_LINE_MAX_LENGTH) assert.deepEqual(read?.message, failed);
  });
  await fuzz(t, property, 2000);
});

test("a console of nothing but beginnings takes no time", () => {
  for (const piece of ["amicopy1 1 {", "amicopy1 999999999 {}", "{", "amicopy1 1 {x} 0000000"]) {
    const all = piece.repeat((64 << 10) / piece.length);
    const startMs = performance.now();
    assert.deepEqual(decodeConsoleLines(all), []);
    assert.ok(performance.now() - startMs < 5000, piece);
  }
});

test("a controller that reads any consoles, one after another, acknowledges only what it took", async (t) => {
  const property = fc.asyncProperty(fc.array(console, { maxLength: 6 }), async (screens) => {
    const acknowledged: number[] = [];
    let screen = "";
    const cloud = {
      region: "us-east-1",
      consoleOutput: async () => screen,
      setTags: async (_ids: readonly string[], tags: Record<string, string>) => {
        acknowledged.push(Number(tags[Tag.acknowledged]));
      },
    };
    const helper = { side: "source", instance: { instanceId: "i-1" } };
    const reader = new HelperConsole(cloud as unknown as Ec2, helper as unknown as Helper, 0);
    for (const next of screens) {
      screen = next;
      await reader.listen(1);
      assert.match(reader.tail(), /^[\x20-\x7e\n]*$/);
      if (reader.failed) assert.match(reader.failure().message, /^[\x20-\x7e\n]*$/);
    }
    assert.deepEqual(
      acknowledged,
      [...new Set(acknowledged)].sort((a, b) => a - b),
    );
    assert.ok(acknowledged.every((sequence) => sequence >= 1 && sequence <= 13));
  });
  await fuzz(t, property, 1000);
});

test("the end of any console is harmless to whoever prints it", async (t) => {
  const any = fc.oneof(console, fc.string({ unit: "binary", maxLength: 3000 }));
  const property = fc.property(any, (all) => {
    const tail = consoleTail(all);
    assert.match(tail, /^[\x20-\x7e\n]*$/);
    assert.ok(tail.length < 30_000);
  });
  await fuzz(t, property, 2000);
});
