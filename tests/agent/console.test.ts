/** The helper's voice, heard through the controller's own decoder. */

import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { HelperConsole } from "../../agent/console.ts";
import {
  CONSOLE_LINE_MAX_LENGTH,
  decodeConsoleLines,
  type HelperMessage,
} from "../../agent/contract.ts";

const progress: HelperMessage & { type: "progress" } = {
  type: "progress",
  bytesTotal: 100,
  bytesDone: 1,
  rateBitsPerSecond: 1,
  lossRatio: 0,
};
const hello: HelperMessage = { type: "hello", publicKey: "A".repeat(43), node: "v26.10.0" };

function listen() {
  const written: string[] = [];
  const console = new HelperConsole((text) => written.push(text));
  return { console, written, lines: () => decodeConsoleLines(written.join("")) };
}

test("a state line is said at once, with the next sequence number and a line end", () => {
  const { console, written, lines } = listen();
  console.state(hello, 0);
  console.state({ type: "volume", index: 0, digest: "0".repeat(64) }, 0);
  assert.equal(written.length, 2);
  assert.ok(written.every((text) => text.endsWith("\n") && text.indexOf("\n") === text.length - 1));
  assert.deepEqual(
    lines().map((line) => [line.sequence, line.message.type]),
    [
      [1, "hello"],
      [2, "volume"],
    ],
  );
});

test("an unacknowledged state line is repeated, soon at first, then every 20 seconds", () => {
  const { console, written } = listen();
  console.state(hello, 0);
  const saidMs: number[] = [];
  for (let nowMs = 0; nowMs <= 100_000; nowMs += 500) {
    const before = written.length;
    console.repeat(nowMs);
    if (written.length > before) saidMs.push(nowMs);
  }
  assert.deepEqual(saidMs, [1_000, 3_000, 7_000, 15_000, 31_000, 51_000, 71_000, 91_000]);
});

test("an acknowledged line is not repeated, a later one is", () => {
  const { console, lines } = listen();
  console.state(hello, 0);
  console.state({ type: "volume", index: 0, digest: "0".repeat(64) }, 0);
  console.acknowledge("1");
  assert.equal(console.heard, false);
  console.repeat(5_000);
  assert.deepEqual(
    lines().map((line) => line.sequence),
    [1, 2, 2],
  );
  console.acknowledge("2");
  assert.equal(console.heard, true);
});

test("an acknowledgement that is not a number of said lines is ignored", () => {
  const { console } = listen();
  console.state(hello, 0);
  for (const value of [undefined, "", "-1", "2", "1e9", "0x1", " 1", "1\n2", "9".repeat(256)]) {
    console.acknowledge(value);
    assert.equal(console.heard, false, `heard by ${JSON.stringify(value)}`);
  }
});

test("progress is said every second at first and every five seconds in a long copy", () => {
  const { console, written } = listen();
  for (let nowMs = 0; nowMs < 50_000; nowMs += 100) console.progress(progress, nowMs);
  assert.ok(written.length <= 27 && written.length >= 24, `${written.length} lines`);
  const before = written.length;
  for (let nowMs = 50_000; nowMs < 650_000; nowMs += 100) console.progress(progress, nowMs);
  const more = written.length - before;
  assert.ok(more <= 120 && more >= 115, `${more} lines in ten minutes`);
});

test("30 unacknowledged volumes and progress leave two minutes of history in the console's ring", () => {
  const { console, written } = listen();
  const prefixLength = "[   44.769571] cloud-init[365]: ".length;
  for (let index = 0; index < 30; index++) {
    console.state({ type: "volume", index, digest: "f".repeat(64) }, 0);
  }
  for (let nowMs = 0; nowMs < 60_000; nowMs += 500) console.repeat(nowMs);
  written.length = 0;
  for (let nowMs = 60_000; nowMs < 180_000; nowMs += 500) {
    console.repeat(nowMs);
    console.progress({ ...progress, bytesTotal: 1e14, bytesDone: 1e13 }, nowMs);
  }
  const bytes = written.reduce((sum, text) => sum + text.length + prefixLength, 0);
  assert.ok(bytes < 64 * 1024, `${bytes} bytes in two minutes`);
});

test("any text of a failure arrives as one decodable line within the limit", () => {
  fc.assert(
    fc.property(fc.string({ unit: "binary", maxLength: 700 }), (message) => {
      const { console, written, lines } = listen();
      console.state({ type: "failed", code: "internal", message }, 0);
      const [line] = lines();
      assert.equal(line?.message.type, "failed");
      assert.ok((written[0] ?? "").length <= CONSOLE_LINE_MAX_LENGTH);
      assert.match(written[0] ?? "", /^[\x20-\x7e]+\n$/);
    }),
  );
});

test("a failure full of quotes, backslashes and braces stays readable by the controller", () => {
  const { console, lines } = listen();
  console.state({ type: "failed", code: "disk-io", message: '"\\{}'.repeat(300) }, 0);
  assert.equal(lines().length, 1);
});
