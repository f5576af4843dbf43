/** Against vectors made from the specification by a program of another language (vectors/make.py). */

import assert from "node:assert/strict";
import { createPrivateKey } from "node:crypto";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { setTimeout as pause } from "node:timers/promises";
import { connect, type TLSSocket } from "node:tls";
import { deriveSessionKey } from "../../../agent/introduction.ts";
import { type ControlMessage, openControl } from "../../../tsunami/sealed/control.ts";
import {
  payloadBytes,
  readFragment,
  writeFragmentHeader,
} from "../../../tsunami/sealed/datagram.ts";
import { leafDigest, VolumeDigest } from "../../../tsunami/sealed/digest.ts";
import { recordKey, sessionKeys } from "../../../tsunami/sealed/keys.ts";
import { LEAF_BYTES, SEALED_BYTES_MAX, WAITS } from "../../../tsunami/sealed/limits.ts";
import { openRecord, sealRecord } from "../../../tsunami/sealed/record.ts";
import { decodeReport, encodeProbe, encodeReport } from "../../../tsunami/sealed/report.ts";
import { freePort } from "../../support/loopback-sessions.ts";

interface Vectors {
  readonly introduction: {
    readonly run: string;
    readonly attempt: number;
    readonly sourcePrivateKey: string;
    readonly destinationPrivateKey: string;
    readonly sourcePublicKey: string;
    readonly destinationPublicKey: string;
    readonly psk: string;
    readonly pskIdentity: string;
  };
  readonly exporter: string;
  readonly recordKeys: Readonly<Record<string, string>>;
  readonly records: readonly {
    readonly meaning: string;
    readonly record: number;
    readonly codec: number;
    readonly volume: number;
    readonly start: number;
    readonly end: number;
    readonly extents: readonly { readonly offset: number; readonly length: number }[];
    readonly data: string;
    readonly sealed: string;
  }[];
  readonly fragments: readonly {
    readonly transmission: number;
    readonly record: number;
    readonly index: number;
    readonly sealedBytes: number;
    readonly fragmentBytes: number;
    readonly datagram: string;
  }[];
  readonly report: {
    readonly highest: number;
    readonly holdMicroseconds: number;
    readonly arrivedAtMs: number;
    readonly receivedBytes: number;
    readonly base: number;
    readonly confirmed: readonly number[];
    readonly runs: readonly number[];
    readonly body: string;
  };
  readonly notes: readonly {
    readonly meaning: string;
    readonly direction: "forward" | "backward";
    readonly counter: number;
    readonly body: string;
    readonly note: string;
  }[];
  readonly digests: readonly {
    readonly repeat: number;
    readonly bytes: number;
    readonly digest: string;
  }[];
  readonly tls: {
    readonly cipher: string;
    readonly protocol: "TLSv1.3";
    readonly label: string;
    readonly bytes: number;
  };
  readonly mark: { readonly tag: number; readonly secret: number };
  readonly control: readonly { readonly message: ControlMessage; readonly frame: string }[];
}

const vectors: Vectors = JSON.parse(
  readFileSync(new URL("./vectors/sealed.json", import.meta.url), "utf8"),
);
const bytesOf = (hex: string): Buffer => Buffer.from(hex, "hex");
const keys = () => sessionKeys(bytesOf(vectors.exporter));
const VOLUME_SIZES = [2 ** 21, 2 ** 34, 2 ** 30];

/** What a helper derives whose private key was not made by itself. */
function derive(side: "source" | "destination") {
  const { run, attempt, ...keys } = vectors.introduction;
  const d = bytesOf(keys[`${side}PrivateKey`]).toString("base64url");
  const publicKey = keys[`${side}PublicKey`];
  const key = { kty: "OKP", crv: "X25519", x: publicKey, d };
  const own = { publicKey, privateKey: createPrivateKey({ key, format: "jwk" }) };
  const peer = side === "source" ? "destination" : "source";
  return deriveSessionKey({ run, attempt, side }, own, keys[`${peer}PublicKey`]);
}

test("key and identity of TLS, at both helpers", () => {
  const { psk, pskIdentity } = vectors.introduction;
  for (const side of ["source", "destination"] as const) {
    const derived = derive(side);
    assert.equal(Buffer.from(derived.psk).toString("hex"), psk);
    assert.equal(derived.pskIdentity, pskIdentity);
  }
});

test("record keys", () => {
  for (const [record, key] of Object.entries(vectors.recordKeys)) {
    assert.equal(recordKey(keys().records, Number(record)).toString("hex"), key);
  }
});

for (const { meaning, record, codec, data, sealed, ...rest } of vectors.records) {
  test(`record: ${meaning}`, () => {
    const coverage = { ...rest, keep: codec === 2 };
    const opened = openRecord(keys().records, record, bytesOf(sealed), VOLUME_SIZES);
    assert.deepEqual(opened?.coverage, coverage);
    assert.equal(opened?.data.toString("hex"), data);
    // Compressors may differ in what they make; what is not compressed has one form.
    if (codec === 1) return;
    const target = Buffer.alloc(SEALED_BYTES_MAX);
    const length = sealRecord(keys().records, record, coverage, bytesOf(data), 0, target);
    assert.equal(target.toString("hex", 0, length), sealed);
  });
}

test("fragments", () => {
  const [first] = vectors.records;
  assert.ok(first);
  for (const { datagram, ...fragment } of vectors.fragments) {
    const read = readFragment(keys().mark, bytesOf(datagram), 0);
    assert.deepEqual(read, { ...fragment, transmission: fragment.transmission % 2 ** 32 });
    const written = Buffer.alloc(22 + payloadBytes(fragment));
    writeFragmentHeader(keys().mark, fragment, written, 0);
    bytesOf(first.sealed).copy(written, 22, fragment.index * fragment.fragmentBytes);
    assert.equal(written.toString("hex"), datagram);
  }
});

test("a report", () => {
  const { holdMicroseconds, confirmed: records, body, ...rest } = vectors.report;
  const confirmed = Buffer.alloc(20);
  for (const record of records) {
    const bit = record - rest.base;
    confirmed[bit >> 3] = (confirmed[bit >> 3] ?? 0) | (1 << (bit & 7));
  }
  const report = { ...rest, holdMs: holdMicroseconds / 1000, confirmed };
  assert.equal(encodeReport(report).toString("hex"), body);
  assert.deepEqual(decodeReport(bytesOf(body)), report);
});

for (const { meaning, direction, counter, body, note } of vectors.notes) {
  test(`note: ${meaning}`, () => {
    const opener = keys()[direction];
    assert.equal(opener.lengthAt(bytesOf(note), 0), bytesOf(note).length);
    assert.equal(opener.open(bytesOf(note))?.toString("hex"), body);
    if (counter > 2) return;
    const sealer = keys()[direction];
    for (let before = 1; before < counter; before += 1) sealer.seal(Buffer.of(2, 0, 0));
    assert.equal(sealer.seal(bytesOf(body)).toString("hex"), note);
  });
}

test("what a probe and its answer say", () => {
  const [probe, , answer] = vectors.notes;
  assert.equal(encodeProbe(0, 64, 64 - 28).toString("hex"), probe?.body);
  assert.equal(encodeProbe(2, 64).toString("hex"), answer?.body);
});

test("digests of volumes", () => {
  for (const { repeat, bytes, digest } of vectors.digests) {
    const volume = new VolumeDigest();
    for (let at = 0; at < bytes; at += LEAF_BYTES) {
      volume.add(leafDigest(Buffer.alloc(Math.min(LEAF_BYTES, bytes - at), repeat)));
    }
    assert.equal(volume.finish(), digest);
  }
});

test("first word and secret of fragments", () => {
  assert.deepEqual(keys().mark, vectors.mark);
});

test("control frames, both ways, by a TLS peer that has only the parameters of the vectors", async () => {
  const { tls, control: cases } = vectors;
  const host = "127.0.0.1";
  const port = await freePort();
  const psk = bytesOf(vectors.introduction.psk);
  const identity = vectors.introduction.pskIdentity;
  const ours = { listens: true, localAddress: host, port, ...derive("source") };
  const opening = openControl(ours, WAITS, AbortSignal.timeout(10_000));
  const call = async (triesLeft: number): Promise<TLSSocket> => {
    const socket = connect({
      ...{ host, port, ciphers: tls.cipher, minVersion: tls.protocol, maxVersion: tls.protocol },
      pskCallback: () => ({ psk, identity }),
      checkServerIdentity: () => undefined,
    });
    try {
      await once(socket, "secureConnect");
      return socket;
    } catch (error) {
      // Nobody listens yet.
      if (triesLeft === 0) throw error;
      await pause(50);
      return call(triesLeft - 1);
    }
  };
  const peer = await call(100);
  const control = await opening;
  const exported = peer.exportKeyingMaterial(tls.bytes, tls.label, Buffer.alloc(0));
  assert.deepEqual(control.exported, exported);
  const frames = Buffer.concat(cases.map(({ frame }) => bytesOf(frame)));

  const heard: ControlMessage[] = [];
  const all = Promise.withResolvers<void>();
  control.listen((message) => {
    if (heard.push(message) === cases.length) all.resolve();
  }, all.reject);
  // Cut inside the first length and inside a message.
  for (const [from, to] of [
    [0, 3],
    [3, 50],
    [50, frames.length],
  ]) {
    peer.write(frames.subarray(from, to));
    await pause(10);
  }
  await all.promise;
  assert.deepEqual(
    heard,
    cases.map(({ message }) => message),
  );

  const sent: Buffer[] = [];
  peer.on("data", (part: Buffer) => sent.push(part));
  peer.on("end", () => peer.end());
  for (const { message } of cases) control.send(message);
  await Promise.all([control.end(), once(peer, "close")]);
  assert.equal(Buffer.concat(sent).toString("hex"), frames.toString("hex"));
});
