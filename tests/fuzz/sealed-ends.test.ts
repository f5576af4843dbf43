/** The ends of a sealed session, fed with any control messages, notes and fragments, in any order. */

import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { DataPath } from "../../tsunami/sealed/data-path.ts";
import { NoteCodec, writeFragmentHeader } from "../../tsunami/sealed/datagram.ts";
import type { DiskOrder } from "../../tsunami/sealed/disk-worker.ts";
import { KeptLeaves } from "../../tsunami/sealed/kept-leaves.ts";
import { EXPORTER_BYTES, sessionKeys } from "../../tsunami/sealed/keys.ts";
import { RECORD_BYTES, SEALED_BYTES_MAX, WINDOW_RECORDS } from "../../tsunami/sealed/limits.ts";
import { openRecord, sealRecord } from "../../tsunami/sealed/record.ts";
import { SendingEnd } from "../../tsunami/sealed/sending-end.ts";
import type { SessionContext } from "../../tsunami/sealed/session-end.ts";
import { fuzz, mutated, nearly } from "../support/fuzz.ts";

const exported = Buffer.from(Array.from({ length: EXPORTER_BYTES }, (_, index) => index));
const ring = Buffer.alloc(WINDOW_RECORDS * SEALED_BYTES_MAX);
const DIGEST = "ab".repeat(32);
const volumes = [
  { path: "/nowhere/a", sizeBytes: 1 << 20 },
  { path: "/nowhere/b", sizeBytes: 5 << 20 },
];

/** A sending end without thread, socket or disk, which has sealed four records. */
function newEnd() {
  const keys = sessionKeys(exported);
  const said: object[] = [];
  const told: DiskOrder[] = [];
  const outcome: { finished?: unknown } = {};
  const socket = { send() {}, close() {} };
  const path = new DataPath(socket as never, keys.forward, keys.backward);
  path.peer = { port: 9, address: "127.0.0.1" };
  const context = {
    ...{ options: { volumes }, keys, ring, path, blank: [], held: [], localAddress: "127.0.0.1" },
    tell: (message: object) => said.push(message),
    disk: { tell: (order: DiskOrder) => told.push(order), end: async () => {} },
    fail: (error: unknown) => assert.fail(String(error)),
    finish: (report: unknown) => {
      outcome.finished = report;
    },
  };
  const end = new SendingEnd(context as unknown as SessionContext);
  for (let record = 0; record < 4; record += 1) {
    end.onDisk({ type: "record", record, sealedBytes: 5000, coveredBytes: 9, keptBytes: 0 });
  }
  end.onDisk({ type: "digest", volume: 0, digest: DIGEST });
  end.onDisk({ type: "digest", volume: 1, digest: DIGEST });
  return { end, said, outcome };
}

const message = fc.oneof(
  nearly({ type: "proof", volume: 0, digest: DIGEST }),
  nearly({ type: "again", record: 1 }),
  nearly({ type: "have", volume: 0, from: 0, to: 1, digests: "AAAAAAAAAAA=" }),
  nearly({ type: "bye", bytesSent: 1, bytesResent: 2 }),
);
const body = fc.oneof(
  fc.uint8Array({ maxLength: 80 }).map((bytes) => Buffer.from(bytes)),
  fc.tuple(fc.constantFrom(0, 1, 2), fc.uint8Array({ maxLength: 80 })).map(([type, rest]) => {
    return Buffer.from([type, ...rest]);
  }),
);
const step = fc.oneof(
  fc.record({ kind: fc.constant("message" as const), message }),
  fc.record({ kind: fc.constant("note" as const), body }),
  fc.record({ kind: fc.constant("junk" as const), body }),
  fc.record({ kind: fc.constant("repeat" as const) }),
);

test("whatever a receiver says and sends, a sender ends with a reason or goes on unproved", async (t) => {
  const property = fc.property(fc.array(step, { maxLength: 12 }), (steps) => {
    const { end, said, outcome } = newEnd();
    const seal = new NoteCodec(exported.subarray(52, 72));
    const proved = new Set<unknown>();
    try {
      for (const one of steps) {
        if (one.kind === "message") {
          const { type, volume, digest } = one.message;
          if (type === "proof" && digest === DIGEST) proved.add(Number(volume));
          end.onControl(one.message);
        } else if (one.kind === "note") end.onDatagrams(seal.seal(one.body));
        else if (one.kind === "junk") assert.equal(end.onDatagrams(one.body), false);
        else end.repeat();
      }
    } catch (error) {
      assert.equal((error as Error).name, "TransferError", String(error));
    } finally {
      end.close();
    }
    if (outcome.finished) assert.ok(proved.has(0) && proved.has(1), "both volumes were proved");
    assert.ok(said.length <= 2 * steps.length + 4, "no word is answered with many");
  });
  await fuzz(t, property, 2000);
});

test("whatever a receiver says it has, the sender keeps only what is equal", async (t) => {
  const word = nearly({
    volume: 0,
    from: 0,
    to: 2,
    digests: Buffer.alloc(16, 7).toString("base64"),
  });
  const property = fc.asyncProperty(fc.array(word, { maxLength: 8 }), async (words) => {
    const kept = new KeptLeaves([{ path: "a", sizeBytes: 8 << 20 }]);
    kept.expect([0]);
    for (const one of words) kept.hear(one as never);
    // A last word on all that is left, so that nobody waits.
    for (let from = 0; from <= 8; from += 1) kept.hear({ volume: 0, from, to: 8, digests: "" });
    for (let leaf = 0; leaf < 8; leaf += 1) {
      assert.equal(await kept.has(0, leaf, Buffer.alloc(32, 9)), false);
    }
  });
  await fuzz(t, property, 1000);
});

const KEY = Buffer.alloc(32, 9);
const target = Buffer.alloc(SEALED_BYTES_MAX * 2);
const number = fc.oneof(fc.nat(5000), fc.nat(2 ** 31), fc.constantFrom(0, 1, 2 ** 40, 2 ** 47));

test("whatever a well sealed record says, it is within its volume or refused", async (t) => {
  const coverage = fc.record({
    volume: fc.nat(3),
    start: number,
    end: number,
    keep: fc.boolean(),
    extents: fc.array(fc.record({ offset: number, length: fc.nat(5000) }), { maxLength: 70 }),
  });
  const data = fc.uint8Array({ maxLength: 6000 });
  const sizes = volumes.map(({ sizeBytes }) => sizeBytes);
  const property = fc.property(coverage, data, fc.constantFrom(0, 1), (lie, bytes, level) => {
    let length: number;
    try {
      length = sealRecord(KEY, 1, lie, Buffer.from(bytes), level, target);
    } catch {
      return; // Our own writer cannot even say it.
    }
    try {
      const opened = openRecord(KEY, 1, target.subarray(0, length), sizes);
      assert.ok(opened);
      const { volume, start, end, extents } = opened.coverage;
      assert.ok(start >= 0 && start < end && end <= (sizes[volume] ?? -1));
      let from = start;
      for (const extent of extents) {
        assert.ok(extent.offset >= from && extent.length > 0);
        from = extent.offset + extent.length;
      }
      assert.ok(from <= end && opened.data.length <= RECORD_BYTES);
    } catch (error) {
      assert.ok(
        error instanceof RangeError || (error as Error).name !== "AssertionError",
        String(error),
      );
    }
  });
  await fuzz(t, property, 3000);
});

test("datagrams that are nearly ours are junk, and counted", async (t) => {
  const keys = sessionKeys(exported);
  const datagram = Buffer.alloc(22 + 100, 0x55);
  const fragment = { transmission: 7, record: 3, index: 1, sealedBytes: 200, fragmentBytes: 100 };
  writeFragmentHeader(keys.mark, fragment, datagram, 0);
  const note = new NoteCodec(exported.subarray(52, 72)).seal(Buffer.from("hello"));
  const property = fc.property(fc.oneof(mutated(datagram), mutated(note)), (bytes) => {
    const fresh = sessionKeys(exported);
    const path = new DataPath({ send() {}, close() {} } as never, fresh.forward, fresh.backward);
    let opened = 0;
    const ours = path.receive(
      bytes,
      () => {
        opened += 1;
      },
      () => 0,
    );
    assert.equal(ours, opened > 0);
    assert.ok(opened <= 1, "no copy is opened twice");
    assert.ok(path.junk <= 1);
  });
  await fuzz(t, property, 3000);
});
