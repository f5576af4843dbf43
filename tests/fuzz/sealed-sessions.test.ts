/** A peer with the right key that says anything first, and a receiver that is told and sent anything. */

import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import type { ControlMessage } from "../../tsunami/sealed/control.ts";
import { DataPath } from "../../tsunami/sealed/data-path.ts";
import { NoteCodec, writeFragmentHeader } from "../../tsunami/sealed/datagram.ts";
import { EXPORTER_BYTES, sessionKeys } from "../../tsunami/sealed/keys.ts";
import { SEALED_BYTES_MAX, WINDOW_RECORDS } from "../../tsunami/sealed/limits.ts";
import { ReceivingEnd } from "../../tsunami/sealed/receiving-end.ts";
import { runSession } from "../../tsunami/sealed/session.ts";
import type { SessionContext } from "../../tsunami/sealed/session-end.ts";
import { TransferError } from "../../tsunami/transfer-error.ts";
import { callTls, frameOf } from "../support/evil-peer.ts";
import { fuzz, nearly } from "../support/fuzz.ts";
import { makeSessionPair } from "../support/loopback-sessions.ts";

const DIGEST = "ab".repeat(32);
/** Of a JSON text, and nothing that can be shown as text. */
const MUTE = { toString: null, valueOf: 1 };
const PATIENCE = { connectMs: 20_000, silenceMs: 5000, stallMs: 5000, againMs: 1 };

test("whatever a peer says first and next, the session ends with a reason", async (t) => {
  const pair = await makeSessionPair();
  t.after(() => pair.remove());
  pair.addVolume([Buffer.from("a disk"), 4096]);
  const sizes = pair.sources.map(({ sizeBytes }) => sizeBytes);
  const role = fc.constantFrom("sender" as const, "receiver" as const);
  const hello = nearly({
    ...{
      type: "hello",
      version: 1,
      role: "sender",
      sizes,
      life: "x",
      held: [0],
      mark: 7,
      mute: MUTE,
    },
  });
  const failed = nearly({ type: "failed", code: "disk-io", message: "it is broken", mute: MUTE });
  const word = fc.oneof(hello, failed, nearly({ type: "digest", volume: 0, digest: DIGEST }));
  const property = fc.asyncProperty(role, fc.array(word, { maxLength: 3 }), async (own, words) => {
    const session = runSession({ ...pair.options(own, own === "sender"), waits: PATIENCE });
    const outcome = session.then(
      () => "finished",
      (error: Error) => error,
    );
    const tls = await callTls(pair);
    tls.on("error", () => {}).resume();
    for (const one of words) tls.write(frameOf(one));
    tls.end();
    const error = await outcome;
    tls.destroy();
    assert.ok(error instanceof Error, String(error));
    assert.equal(error.name, "TransferError", String(error));
    assert.match(error.message, /^[\x20-\x7e]{5,400}$/);
    assert.doesNotMatch(error.message, /TypeError|Cannot convert/);
  });
  await fuzz(t, property, 60);
});

const exported = Buffer.from(Array.from({ length: EXPORTER_BYTES }, (_, index) => index));
const ring = Buffer.alloc(WINDOW_RECORDS * SEALED_BYTES_MAX);
const volumes = [
  { path: "/nowhere/a", sizeBytes: 1 << 20 },
  { path: "/nowhere/b", sizeBytes: 5 << 20 },
];
/** Instead of the thread that reads back: says nothing. */
const workerEntry = new URL("data:text/javascript,");

/** A receiving end without disks; every record that it hands on to be written is noted. */
function newEnd() {
  const keys = sessionKeys(exported);
  const written: number[] = [];
  const outcome: { finished?: unknown; failed?: unknown } = {};
  const path = new DataPath({ send() {}, close() {} } as never, keys.backward, keys.forward);
  path.peer = { port: 9, address: "127.0.0.1" };
  const context = {
    ...{ keys, ring, path, blank: [true, true], held: [], localAddress: "127.0.0.1" },
    options: { volumes, workerEntry },
    tell: () => {},
    disk: {
      tell: (order: { type: string; record?: number }) => {
        if (order.type === "write") written.push(order.record ?? -1);
      },
    },
    fail: (error: unknown) => {
      outcome.failed = error;
    },
    finish: (report: unknown) => {
      outcome.finished = report;
    },
  };
  return { end: new ReceivingEnd(context as unknown as SessionContext), keys, written, outcome };
}

/** As the control channel does: what cannot be understood is `malformed control message`. */
function hearAs(end: ReceivingEnd, message: ControlMessage): void {
  try {
    end.onControl(message);
  } catch (error) {
    if ((error as Error).name !== "TypeError") throw error;
    throw new TransferError("protocol", "malformed control message", error);
  }
}

const coverage = fc.record({
  volume: fc.constantFrom(0, 1),
  start: fc.constantFrom(0, 9, 1 << 20),
  end: fc.constantFrom(9, 1 << 20),
  keep: fc.boolean(),
  extents: fc.constant([]),
});
const step = fc.oneof(
  fc.record({
    kind: fc.constant("message" as const),
    message: fc.oneof(
      nearly({ type: "digest", volume: 0, digest: DIGEST, mute: MUTE }),
      nearly({ type: "bye", bytesSent: 1, bytesResent: 2, mute: MUTE }),
      nearly({ type: "have", volume: 0, from: 0, to: 1, digests: "AAAA" }),
    ),
  }),
  fc.record({
    kind: fc.constant("fragment" as const),
    fragment: fc.record({
      record: fc.oneof(fc.nat(4), fc.nat(2 ** 31)),
      index: fc.nat(3),
      sealedBytes: fc.constantFrom(0, 1, 100, 200, SEALED_BYTES_MAX, 2 ** 31),
      fragmentBytes: fc.constantFrom(0, 1, 100, 1200),
    }),
  }),
  fc.record({ kind: fc.constant("note" as const), body: fc.uint8Array({ maxLength: 80 }) }),
  fc.record({ kind: fc.constant("junk" as const), body: fc.uint8Array({ maxLength: 80 }) }),
  fc.record({ kind: fc.constant("repeat" as const) }),
  fc.record({ kind: fc.constant("torn" as const) }),
  fc.record({ kind: fc.constant("written" as const), coverage }),
);

test("whatever a sender says and sends, a receiver does not finish without a proof of its own", async (t) => {
  const property = fc.asyncProperty(fc.array(step, { maxLength: 15 }), async (steps) => {
    const { end, keys, written, outcome } = newEnd();
    const seal = new NoteCodec(exported.subarray(32, 52));
    let answered = 0;
    try {
      for (const [transmission, one] of steps.entries()) {
        if (one.kind === "message") hearAs(end, one.message as never);
        else if (one.kind === "note") end.onDatagrams(seal.seal(Buffer.from(one.body)));
        else if (one.kind === "junk") assert.equal(end.onDatagrams(Buffer.from(one.body)), false);
        else if (one.kind === "fragment") {
          const datagram = Buffer.alloc(22 + 100, 0x55);
          writeFragmentHeader(keys.mark, { transmission, ...one.fragment }, datagram, 0);
          end.onDatagrams(datagram);
        } else if (one.kind === "repeat") end.repeat();
        else if (answered < written.length) {
          const record = written[answered] ?? 0;
          answered += 1;
          if (one.kind === "torn") end.onDisk({ type: "torn", record });
          else end.onDisk({ type: "written", record, coverage: one.coverage });
        }
      }
    } catch (error) {
      assert.equal((error as Error).name, "TransferError", String(error));
    } finally {
      await end.close();
    }
    if (outcome.failed) assert.equal((outcome.failed as Error).name, "TransferError");
    assert.equal(outcome.finished, undefined, "nothing was read back");
    assert.ok(written.every((record) => record >= 0 && record < 2 ** 31));
  });
  await fuzz(t, property, 150);
});
