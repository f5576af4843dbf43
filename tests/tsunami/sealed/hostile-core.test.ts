/** Sender and receiver core against a peer that holds the keys: any report, any fragment, any order. */

import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { writeFragmentHeader } from "../../../tsunami/sealed/datagram.ts";
import { SEALED_BYTES_MAX, WINDOW_RECORDS } from "../../../tsunami/sealed/limits.ts";
import { RateController } from "../../../tsunami/sealed/rate-controller.ts";
import { ReceiverCore } from "../../../tsunami/sealed/receiver-core.ts";
import {
  ANSWER_NOTE,
  decodeReport,
  encodeReport,
  type Report,
} from "../../../tsunami/sealed/report.ts";
import { SenderCore } from "../../../tsunami/sealed/sender-core.ts";
import { fuzz, mutated } from "../../support/fuzz.ts";

const mark = { tag: 1, secret: 2 };
const ring = Buffer.alloc(WINDOW_RECORDS * SEALED_BYTES_MAX);
const batch = Buffer.alloc(64_000);
const RECORD_BYTES = 20_000;

function newSender() {
  const confirmed = new Set<number>();
  const rate = new RateController();
  const onConfirmed = (record: number) => {
    assert.ok(!confirmed.has(record), "confirmed once");
    confirmed.add(record);
  };
  const sender = new SenderCore({ ring, mark, rate, onConfirmed });
  return { sender, rate, confirmed };
}

/** Sends what may be sent now. @returns Number of datagrams. */
function drain(sender: SenderCore, nowMs: number): number {
  let count = 0;
  for (;;) {
    const { bytes, segmentBytes } = sender.fill(batch, nowMs);
    if (bytes === 0) return count;
    assert.ok(segmentBytes > 0 && bytes <= batch.length);
    count += Math.ceil(bytes / segmentBytes);
    assert.ok(count < 100_000, "a turn ends");
  }
}

const odd = fc.oneof(
  fc.constantFrom(0, 1, -1, 1e-300, 1e308, -1e308, 2 ** 32, 2 ** 53, Number.MIN_VALUE),
  fc.double({ noNaN: true, noDefaultInfinity: true }),
  fc.nat(1000),
);
const anyReport: fc.Arbitrary<Report> = fc.record({
  highest: fc.oneof(fc.nat(40), fc.nat(0xffff_ffff)),
  holdMs: fc.oneof(fc.nat(10), fc.nat(4_000_000)),
  arrivedAtMs: odd,
  receivedBytes: odd,
  base: fc.oneof(fc.nat(6), fc.nat(0xffff_ffff)),
  confirmed: fc.uint8Array({ minLength: 20, maxLength: 20 }),
  runs: fc.array(fc.oneof(fc.integer({ min: 1, max: 9 }), fc.integer({ min: 1, max: 2 ** 27 })), {
    minLength: 1,
    maxLength: 20,
  }),
});
const step = fc.oneof(
  fc.record({ kind: fc.constant("report" as const), report: anyReport }),
  fc.record({ kind: fc.constant("again" as const), record: fc.oneof(fc.nat(9), fc.double()) }),
  fc.record({ kind: fc.constant("wait" as const), ms: fc.nat(700) }),
);

test("whatever a receiver reports, the sender ends with a reason or stays within its bounds", async (t) => {
  const property = fc.property(fc.array(step, { minLength: 1, maxLength: 40 }), (steps) => {
    const { sender, rate, confirmed } = newSender();
    let nowMs = 0;
    let offered = 0;
    try {
      for (const one of steps) {
        for (; offered < Math.min(12, sender.base + WINDOW_RECORDS); offered += 1) {
          sender.offer(offered, RECORD_BYTES);
        }
        drain(sender, nowMs);
        if (one.kind === "wait") nowMs += one.ms;
        else if (one.kind === "again") sender.again(one.record);
        else {
          const read = decodeReport(encodeReport(one.report));
          if (read) sender.onReport(read, nowMs);
        }
        assert.ok(Number.isFinite(rate.windowBytes) && rate.windowBytes > 0, "a window");
        assert.ok(rate.pacingBytesPerSecond > 0, "a rate");
        assert.ok(Number.isFinite(rate.allowance(nowMs)), "an allowance");
      }
    } catch (error) {
      assert.equal((error as { code?: string }).code, "protocol", String(error));
    }
    assert.ok(confirmed.size <= offered);
  });
  await fuzz(t, property, 2000);
});

test("a record cannot be confirmed before all of it was sent", () => {
  const claims: Partial<Report>[] = [{ base: 1 }, { confirmed: new Uint8Array(20).fill(0xff) }];
  for (const claim of claims) {
    const { sender } = newSender();
    for (const record of [0, 1, 2]) sender.offer(record, SEALED_BYTES_MAX);
    // The first turn is far too short for a record.
    sender.fill(batch, 0);
    const honest = { holdMs: 0, arrivedAtMs: 1, receivedBytes: 1, base: 0, runs: [1] };
    const report = { ...honest, highest: 0, confirmed: new Uint8Array(20), ...claim };
    assert.throws(() => sender.onReport(report, 1), { code: "protocol" });
  }
});

test("a record that is asked for again without end is not sent without end", () => {
  const { sender } = newSender();
  sender.offer(0, 120_000);
  sender.finish();
  let nowMs = 0;
  for (; sender.backlog > 0; nowMs += 1) drain(sender, nowMs);
  const first = sender.bytesSent;
  const flood = () => {
    for (let count = 0; count < 10_000; count += 1) sender.again(0);
  };
  assert.throws(flood, { code: "protocol" });
  for (const end = nowMs + 2000; nowMs < end; nowMs += 1) drain(sender, nowMs);
  assert.ok(sender.bytesSent < 20 * first, `${sender.bytesSent} bytes`);
});

test("a report with numbers beyond all reason is none", () => {
  const report = {
    ...{ highest: 1, holdMs: 0, arrivedAtMs: 1, receivedBytes: 1, base: 0, runs: [1] },
    confirmed: new Uint8Array(20),
  };
  assert.ok(decodeReport(encodeReport(report)));
  for (const value of [Number.NaN, Number.POSITIVE_INFINITY, 1e300, -1e300]) {
    assert.equal(decodeReport(encodeReport({ ...report, arrivedAtMs: value })), undefined);
    assert.equal(decodeReport(encodeReport({ ...report, receivedBytes: value })), undefined);
  }
});

test("changed bodies of notes are read as something sane, or not at all", async (t) => {
  const report = {
    ...{ highest: 70_000, holdMs: 1.5, arrivedAtMs: 1234.5, receivedBytes: 2 ** 40, base: 7 },
    ...{ confirmed: new Uint8Array(20).fill(0x81), runs: [1, 300, 20_000] },
  };
  const property = fc.property(mutated(encodeReport(report)), (body) => {
    const read = decodeReport(body);
    if (read === undefined) return;
    assert.notEqual(body[0], ANSWER_NOTE);
    assert.ok(read.runs.length > 0 && read.runs.every((run) => run >= 1 && run < 2 ** 28));
    assert.ok(Math.abs(read.arrivedAtMs) < 2 ** 53 && Math.abs(read.receivedBytes) < 2 ** 53);
    assert.equal(read.confirmed.length, WINDOW_RECORDS / 8);
  });
  await fuzz(t, property, 5000);
});

const fragment = fc.record({
  transmission: fc.oneof(fc.nat(300), fc.nat(0xffff_ffff)),
  record: fc.oneof(fc.nat(WINDOW_RECORDS + 3), fc.nat(0xffff_ffff)),
  index: fc.nat(4095),
  sealedBytes: fc.oneof(fc.nat(4000), fc.nat(0xfffff)),
  fragmentBytes: fc.oneof(fc.nat(2000), fc.nat(0xffff)),
});

test("whatever fragments a sender makes, the receiver stays in its ring and its window", async (t) => {
  const property = fc.property(fc.array(fragment, { maxLength: 60 }), (fragments) => {
    const whole: number[] = [];
    const onRecord = (record: number, sealedBytes: number) => {
      assert.ok(record >= receiver.base && record < receiver.base + WINDOW_RECORDS);
      assert.ok(sealedBytes > 0 && sealedBytes <= SEALED_BYTES_MAX);
      whole.push(record);
    };
    const receiver = new ReceiverCore({ ring, mark, onRecord });
    for (const [count, one] of fragments.entries()) {
      const datagram = Buffer.alloc(2000);
      writeFragmentHeader(mark, one, datagram, 0);
      const length = receiver.onFragment(datagram, 0, count);
      assert.ok(length >= 0 && length <= datagram.length);
      const done = whole.pop();
      if (done !== undefined && count % 3 === 0) receiver.confirm(done);
      else if (done !== undefined) receiver.reject(done);
      const report = receiver.report(count);
      if (report) {
        const body = encodeReport(report);
        assert.ok(body.length <= 1232 - 28, "a report fits every path");
        assert.deepEqual(decodeReport(body)?.runs, report.runs);
      }
    }
  });
  await fuzz(t, property, 500);
});

test("a sender that reorders without end costs neither memory nor a record", () => {
  let whole = 0;
  const receiver = new ReceiverCore({ ring, mark, onRecord: () => (whole += 1) });
  const datagram = Buffer.alloc(22 + 100);
  // Never the first fragment, always another record: the window holds, and nothing more.
  for (let count = 0; count < 200_000; count += 1) {
    const record = count % (3 * WINDOW_RECORDS);
    const index = 1 + (count % 9);
    const one = {
      transmission: count ^ 1023,
      record,
      index,
      sealedBytes: 1000,
      fragmentBytes: 100,
    };
    writeFragmentHeader(mark, one, datagram, 0);
    receiver.onFragment(datagram, 0, count);
  }
  assert.equal(whole, 0);
  assert.equal(receiver.base, 0);
  assert.ok(receiver.refused > 100_000, `${receiver.refused} refused`);
});
