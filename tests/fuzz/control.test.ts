/** The sealed control channel's framing: cut anywhere, changed anywhere, in pieces of any size. */

import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { type ControlMessage, openControl } from "../../tsunami/sealed/control.ts";
import { CONTROL_BYTES_MAX, WAITS } from "../../tsunami/sealed/limits.ts";
import { callTls, frameOf } from "../support/evil-peer.ts";
import { fuzz, mutated } from "../support/fuzz.ts";
import { makeSessionPair } from "../support/loopback-sessions.ts";

const pair = await makeSessionPair();
const MESSAGES = [
  { type: "hello", version: 1, role: "sender", sizes: [5], life: "x" },
  { type: "digest", volume: 0, digest: "ab".repeat(32) },
  { type: "again", record: 7 },
  { type: "bye", bytesSent: 1, bytesResent: 0 },
];
const stream = Buffer.concat(MESSAGES.map(frameOf));

/** What our side makes of bytes in these pieces, after which the other side closes. */
async function hear(pieces: readonly Uint8Array[]) {
  const heard: ControlMessage[] = [];
  const { signal } = new AbortController();
  const options = { ...pair.options("receiver", false), volumes: [] };
  const opening = openControl(options, { ...WAITS, connectMs: 20_000 }, signal);
  const tls = await callTls(pair);
  tls.on("error", () => {}).resume();
  const control = await opening;
  const ended = Promise.withResolvers<Error & { code?: string }>();
  control.listen((message) => heard.push(message), ended.resolve);
  for (const piece of pieces) tls.write(piece);
  tls.end();
  const error = await ended.promise;
  tls.destroy();
  await control.end();
  return { heard, error };
}

test("whatever the pieces, the same messages arrive", async (t) => {
  t.after(() => pair.remove());
  const cuts = fc.array(fc.nat(stream.length), { maxLength: 12 });
  const property = fc.asyncProperty(cuts, async (places) => {
    const ends = [0, ...places.sort((a, b) => a - b), stream.length];
    const pieces = ends.slice(1).map((end, index) => stream.subarray(ends[index], end));
    const { heard, error } = await hear(pieces.filter(({ length }) => length > 0));
    assert.deepEqual(heard, MESSAGES);
    assert.notEqual(error.code, "protocol");
  });
  await fuzz(t, property, 100);
});

test("cut at every byte, no message is made of what is missing", async () => {
  const whole = frameOf(MESSAGES[0]);
  for (let length = 0; length < whole.length; length += 1) {
    const { heard } = await hear([whole.subarray(0, length)]);
    assert.deepEqual(heard, [], `after ${length} bytes`);
  }
});

test("changed bytes are messages, or end the connection with the reason", async (t) => {
  const property = fc.asyncProperty(mutated(stream), async (bytes) => {
    const { heard, error } = await hear([bytes]);
    for (const message of heard) assert.equal(typeof message, "object");
    assert.ok(error instanceof Error);
    if (error.code === "protocol") assert.equal(error.message, "malformed control message");
  });
  await fuzz(t, property, 400);
});

test("a message that is too long is refused by its length, before it is there", async () => {
  const length = Buffer.alloc(4);
  length.writeUInt32BE(CONTROL_BYTES_MAX);
  const { heard, error } = await hear([length]);
  assert.deepEqual(heard, []);
  assert.equal(error.code, "protocol");
});
