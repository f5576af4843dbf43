/** The words between controller and helper: every one survives the console, nothing else gets in. */

import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import {
  CONSOLE_LINE_MAX_LENGTH,
  decodeConsoleLines,
  decodePeer,
  ExitCode,
  encodeConsoleLine,
  encodePeer,
  type HelperMessage,
  Tag,
} from "../../agent/contract.ts";

const plain = { noNullPrototype: true } as const;
const count = fc.nat({ max: Number.MAX_SAFE_INTEGER });
const publicKey = fc
  .uint8Array({ minLength: 32, maxLength: 32 })
  .map((bytes) => Buffer.from(bytes).toString("base64url"));
const hex64 = fc
  .uint8Array({ minLength: 32, maxLength: 32 })
  .map((bytes) => Buffer.from(bytes).toString("hex"));

const message: fc.Arbitrary<HelperMessage> = fc.oneof(
  fc.record(
    {
      type: fc.constant("hello" as const),
      publicKey,
      node: fc.constant("v26.10.0"),
    },
    plain,
  ),
  fc.record(
    {
      type: fc.constant("progress" as const),
      bytesTotal: count,
      bytesDone: count,
      rateBitsPerSecond: count,
      lossRatio: fc
        .double({ min: 0, max: 1, noNaN: true })
        .filter((ratio) => !Object.is(ratio, -0)),
    },
    plain,
  ),
  fc.record({ type: fc.constant("volume" as const), index: fc.nat(100), digest: hex64 }, plain),
  fc.record(
    {
      type: fc.constant("done" as const),
      bytesRead: count,
      bytesSent: count,
      bytesResent: count,
      durationMs: count,
    },
    plain,
  ),
  fc.record(
    {
      type: fc.constant("failed" as const),
      code: fc.constantFrom(...(Object.keys(ExitCode) as (keyof typeof ExitCode)[])),
      message: fc.string({ unit: "grapheme-ascii", maxLength: 200 }),
    },
    plain,
  ),
);
const line = fc.record({ sequence: fc.nat({ max: 999_999_999 }), message }, plain);
/** Kernel text, prefixes, colours and line ends, but not our token. */
const noise = fc
  .string({ unit: "binary", maxLength: 80 })
  .filter((text) => !text.includes("amicopy1"));

test("a line comes back from a console full of noise, in order", () => {
  fc.assert(
    fc.property(fc.array(fc.tuple(noise, line), { maxLength: 5 }), noise, (lines, end) => {
      const text = lines.map(([before, each]) => `${before}\n${encodeConsoleLine(each)}\r\n`);
      const decoded = decodeConsoleLines(text.join("") + end);
      assert.deepEqual(
        decoded,
        lines.map(([, each]) => each),
      );
    }),
  );
});

test("a line glued to a login prompt or a cloud-init prefix is found", () => {
  const each = {
    sequence: 7,
    message: { type: "volume", index: 0, digest: "a".repeat(64) },
  } as const;
  const glued = `ip-10-0-1-10 login: [   39.8] cloud-init[204]: ${encodeConsoleLine(each)} [ 40.1] x`;
  assert.deepEqual(decodeConsoleLines(glued), [each]);
});

test("every longest message fits into one line of the limit", () => {
  const longest = Number.MAX_SAFE_INTEGER;
  const text = encodeConsoleLine({
    sequence: 999_999_999,
    message: { type: "failed", code: "peer-unreachable", message: '"'.repeat(200) },
  });
  assert.ok(text.length <= CONSOLE_LINE_MAX_LENGTH, `${text.length}`);
  const done = {
    bytesRead: longest,
    bytesSent: longest,
    bytesResent: longest,
    durationMs: longest,
  };
  assert.ok(
    encodeConsoleLine({ sequence: 1, message: { type: "done", ...done } }).length <=
      CONSOLE_LINE_MAX_LENGTH,
  );
});

test("a line with any one character changed is not believed", () => {
  fc.assert(
    fc.property(line, fc.nat(), fc.integer({ min: 0x20, max: 0x7e }), (each, position, code) => {
      const text = encodeConsoleLine(each);
      const at = position % text.length;
      const changed = text.slice(0, at) + String.fromCharCode(code) + text.slice(at + 1);
      fc.pre(changed !== text);
      assert.deepEqual(decodeConsoleLines(changed), []);
    }),
    { numRuns: 300 },
  );
});

test("a line cut anywhere is not believed", () => {
  const text = encodeConsoleLine({
    sequence: 3,
    message: { type: "hello", publicKey: "A".repeat(43), node: "v26.10.0" },
  });
  for (let length = 0; length < text.length; length++) {
    assert.deepEqual(decodeConsoleLines(text.slice(0, length)), []);
  }
});

test("a well-formed line with a field out of its range is refused", () => {
  const bad: unknown[] = [
    { type: "progress", bytesTotal: -1, bytesDone: 0, rateBitsPerSecond: 0, lossRatio: 0 },
    { type: "progress", bytesTotal: 1, bytesDone: 0, rateBitsPerSecond: 0, lossRatio: 2 },
    { type: "volume", index: 1.5, digest: "a".repeat(64) },
    { type: "volume", index: 0, digest: "A".repeat(64) },
    { type: "failed", code: "toString", message: "" },
    { type: "failed", code: "internal", message: "\u001b[2J" },
    { type: "hello", publicKey: "short", node: "v1" },
    { type: "other" },
  ];
  for (const each of bad) {
    const text = encodeConsoleLine({ sequence: 1, message: each as HelperMessage });
    assert.deepEqual(decodeConsoleLines(text), [], text);
  }
});

test("a peer survives its tag, and nothing else is a peer", () => {
  fc.assert(
    fc.property(publicKey, fc.ipV4(), fc.integer({ min: 1, max: 65535 }), (key, address, port) => {
      const peer = { publicKey: key, address, port };
      const value = encodePeer(peer);
      assert.ok(value.length <= 256);
      assert.deepEqual(decodePeer(value), peer);
      assert.equal(decodePeer(`${value} `), undefined);
      assert.equal(decodePeer(value.slice(1)), undefined);
    }),
  );
  const key = "A".repeat(43);
  for (const bad of ["", `${key}:256.0.0.1:1`, `${key}:1.2.3.4:0`, `${key}:1.2.3.4:65536`]) {
    assert.equal(decodePeer(bad), undefined, bad);
  }
});

test("every tag key is legal as a metadata tag key", () => {
  for (const key of Object.values(Tag)) assert.match(key, /^[A-Za-z0-9+\-=.,_:@]{1,127}$/);
});
