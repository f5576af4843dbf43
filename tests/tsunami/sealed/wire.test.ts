/** The formats of the data path: hand-made vectors, round trips, truncation, mutation, replay. */

import assert from "node:assert/strict";
import { createCipheriv, createHmac } from "node:crypto";
import { test } from "node:test";
import fc from "fast-check";
import {
  NoteCodec,
  payloadBytes,
  readFragment,
  writeFragmentHeader,
} from "../../../tsunami/sealed/datagram.ts";
import { recordKey, sessionKeys } from "../../../tsunami/sealed/keys.ts";
import { RECORD_BYTES, SEALED_BYTES_MAX } from "../../../tsunami/sealed/limits.ts";
import { openRecord, sealRecord } from "../../../tsunami/sealed/record.ts";
import {
  decodeReport,
  encodeProbe,
  encodeReport,
  PROBE_NOTE,
  REPORT_NOTE,
  type Report,
} from "../../../tsunami/sealed/report.ts";

const mark = { tag: 0x01020304, secret: 0x0a0b0c0d };
const secret = Buffer.from("000102030405060708090a0b0c0d0e0fcafebabe", "hex");
const key = Buffer.alloc(32, 9);
const GIB = 2 ** 30;

function fragmentDatagram(fragment: Parameters<typeof writeFragmentHeader>[1]): Buffer {
  const datagram = Buffer.alloc(22 + payloadBytes(fragment), 0x55);
  writeFragmentHeader(mark, fragment, datagram, 0);
  return datagram;
}

const report: Report = {
  highest: 70_000,
  holdMs: 1.5,
  arrivedAtMs: 1234.5,
  receivedBytes: 2 ** 40,
  base: 7,
  confirmed: new Uint8Array(20).fill(0x81),
  runs: [1, 300, 20_000],
};

test("a fragment's header is what the table of the specification says", () => {
  const datagram = fragmentDatagram({
    transmission: 0x1_0000_0005,
    record: 0x11223344,
    index: 2,
    sealedBytes: 0x01000,
    fragmentBytes: 0x0400,
  });
  assert.equal(datagram.subarray(0, 4).toString("hex"), "01020304");
  assert.equal(datagram.subarray(4, 8).toString("hex"), "71659a18");
  assert.equal(datagram.subarray(8, 22).toString("hex"), "00000005112233440020100" + "00400");
  assert.equal(datagram.length, 22 + 0x400);
});

test("any sane fragment is read back as it was written, glued to others or not", () => {
  fc.assert(
    fc.property(
      fc.integer({ min: 0, max: 2 ** 32 - 1 }),
      fc.integer({ min: 0, max: 2 ** 32 - 1 }),
      fc.integer({ min: 1, max: SEALED_BYTES_MAX }),
      fc.integer({ min: 1000, max: 9000 }),
      fc.nat(),
      fc.nat(100),
      (transmission, record, sealedBytes, fragmentBytes, pick, before) => {
        const index = pick % Math.ceil(sealedBytes / fragmentBytes);
        const fragment = { transmission, record, index, sealedBytes, fragmentBytes };
        const batch = Buffer.concat([Buffer.alloc(before), fragmentDatagram(fragment)]);
        assert.deepEqual(readFragment(mark, batch, before), fragment);
      },
    ),
  );
});

test("a fragment cut at any byte, or with any header byte changed, is junk", () => {
  const whole = fragmentDatagram({
    ...{ transmission: 9, record: 3, index: 1, sealedBytes: 2500, fragmentBytes: 1000 },
  });
  for (let length = 0; length < whole.length; length += 1) {
    assert.equal(readFragment(mark, whole.subarray(0, length), 0), undefined);
  }
  for (let at = 0; at < 22; at += 1) {
    for (let flip = 1; flip < 256; flip += 1) {
      const changed = Buffer.from(whole);
      changed[at] = (changed[at] ?? 0) ^ flip;
      assert.equal(readFragment(mark, changed, 0), undefined, `byte ${at} ^ ${flip}`);
    }
  }
});

test("a fragment with lengths that make no sense is junk though its check is right", () => {
  const sane = { transmission: 1, record: 1, index: 0, sealedBytes: 2000, fragmentBytes: 1000 };
  for (const absurd of [
    { ...sane, index: 2 },
    { ...sane, sealedBytes: 0 },
    { ...sane, fragmentBytes: 0 },
    { ...sane, sealedBytes: SEALED_BYTES_MAX + 1, fragmentBytes: 1000 },
    { ...sane, sealedBytes: SEALED_BYTES_MAX, fragmentBytes: 100 },
  ]) {
    const datagram = Buffer.alloc(22 + 2000);
    writeFragmentHeader(mark, absurd, datagram, 0);
    assert.equal(readFragment(mark, datagram, 0), undefined);
  }
});

test("a note is AES-128-GCM with its header as nonce and as additional data", () => {
  const note = new NoteCodec(secret).seal(Buffer.from("hello"));
  const header = Buffer.from("cafebabe0021000000000001", "hex");
  const cipher = createCipheriv("aes-128-gcm", secret.subarray(0, 16), header);
  cipher.setAAD(header);
  const sealed = Buffer.concat([cipher.update("hello"), cipher.final(), cipher.getAuthTag()]);
  assert.equal(note.toString("hex"), Buffer.concat([header, sealed]).toString("hex"));
});

test("a note that is cut, changed, replayed or overtaken is not opened", () => {
  const seal = new NoteCodec(secret);
  const first = seal.seal(Buffer.from("first"));
  const second = seal.seal(Buffer.from("second"));
  const open = new NoteCodec(secret);
  for (let length = 0; length < second.length; length += 1) {
    assert.equal(open.lengthAt(second.subarray(0, length), 0), 0);
  }
  for (let at = 0; at < second.length; at += 1) {
    const changed = Buffer.from(second);
    changed[at] = (changed[at] ?? 0) ^ 0x40;
    const length = open.lengthAt(changed, 0);
    if (length) assert.equal(open.open(changed.subarray(0, length)), undefined, `byte ${at}`);
  }
  assert.equal(String(open.open(second)), "second");
  assert.equal(open.open(second), undefined);
  assert.equal(open.open(first), undefined);
});

test("reports are read back as they were written", () => {
  assert.deepEqual(decodeReport(encodeReport(report)), {
    ...report,
    confirmed: Buffer.from(report.confirmed),
  });
  const runs = fc.array(fc.integer({ min: 1, max: 2 ** 20 }), { minLength: 1, maxLength: 300 });
  fc.assert(
    fc.property(runs, (some) => {
      assert.deepEqual(decodeReport(encodeReport({ ...report, runs: some }))?.runs, some);
    }),
  );
});

test("no bytes make a report that crashes or loops", () => {
  const whole = encodeReport(report);
  for (let length = 0; length < whole.length; length += 1) decodeReport(whole.subarray(0, length));
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => {
      const read = decodeReport(Buffer.concat([Buffer.from([REPORT_NOTE]), bytes]));
      for (const run of read?.runs ?? []) assert.ok(run >= 1 && run < 2 ** 28);
    }),
  );
  assert.equal(decodeReport(encodeProbe(PROBE_NOTE, 1472, 1444)), undefined);
});

test("keys: cut from the exporter; a new record key every 2^18 records", () => {
  const exported = Buffer.from(Array.from({ length: 80 }, (_, index) => index));
  const { records, mark: cut } = sessionKeys(exported);
  assert.equal(records.length, 32);
  assert.deepEqual(cut, { tag: 0x48494a4b, secret: 0x4c4d4e4f });
  const expected = createHmac("sha256", records).update("record key 1").digest().subarray(0, 16);
  assert.deepEqual(recordKey(records, 2 ** 18), expected);
  assert.deepEqual(recordKey(records, 2 ** 19 - 1), expected);
  assert.notDeepEqual(recordKey(records, 2 ** 18 - 1), expected);
});

const coverage = {
  volume: 1,
  start: 4096,
  end: 5 * GIB,
  keep: false,
  extents: [
    { offset: 8192, length: 1000 },
    { offset: 4 * GIB + 5, length: 2000 },
  ],
};
const sizes = [10, 8 * GIB];

test("a record of text is compressed, one of noise is not, both are opened again", () => {
  const target = Buffer.alloc(SEALED_BYTES_MAX);
  const text = Buffer.from("all work and no play ".repeat(200)).subarray(0, 3000);
  for (const level of [0, 3]) {
    const length = sealRecord(key, 5, coverage, text, level, target);
    assert.equal(length < 1000, level > 0);
    const opened = openRecord(key, 5, target.subarray(0, length), sizes);
    assert.deepEqual(opened?.coverage, coverage);
    assert.deepEqual(opened?.data, text);
    assert.equal(openRecord(key, 6, target.subarray(0, length), sizes), undefined);
  }
});

test("a sealed record that is cut or changed anywhere is not opened", () => {
  const target = Buffer.alloc(SEALED_BYTES_MAX);
  const length = sealRecord(key, 5, coverage, Buffer.alloc(3000, 7), 3, target);
  const sealed = target.subarray(0, length);
  for (let cut = 0; cut < length; cut += 1) {
    assert.equal(openRecord(key, 5, sealed.subarray(0, cut), sizes), undefined);
  }
  for (let at = 0; at < length; at += 1) {
    const changed = Buffer.from(sealed);
    changed[at] = (changed[at] ?? 0) ^ 1;
    assert.equal(openRecord(key, 5, changed, sizes), undefined);
  }
});

test("a well sealed record with absurd contents is refused before it is used", () => {
  const target = Buffer.alloc(SEALED_BYTES_MAX * 2);
  const extent = { offset: 8192, length: 1000 };
  const absurd = [
    { ...coverage, volume: 2 },
    { ...coverage, volume: 0 },
    { ...coverage, end: coverage.start },
    { ...coverage, end: 9 * GIB },
    { ...coverage, extents: [extent, extent] },
    { ...coverage, extents: [{ offset: 5 * GIB - 10, length: 1000 }] },
    { ...coverage, extents: [{ offset: 8192, length: 999 }] },
    { ...coverage, extents: [{ offset: 8192, length: RECORD_BYTES + 1 }] },
    { ...coverage, extents: Array.from({ length: 65 }, () => extent) },
    { ...coverage, keep: true, extents: [extent] },
  ];
  for (const lie of absurd) {
    const length = sealRecord(key, 1, lie, Buffer.alloc(1000, 1), 0, target);
    assert.throws(() => openRecord(key, 1, target.subarray(0, length), sizes), RangeError);
  }
});
