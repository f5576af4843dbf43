/**
 * The key schedule. Everything comes from the TLS exporter of the control channel, so it is new
 * for every connection and known only to whoever holds the pre-shared key.
 *
 *    0  32  root of the record keys, one for every 2^18 records
 *   32  20  notes from sender to receiver: AES-128 key, first word
 *   52  20  notes from receiver to sender, likewise
 *   72   8  fragments: first word, secret of the header check
 */

import { createHmac } from "node:crypto";
import { NoteCodec } from "./datagram.ts";
import { RECORDS_PER_KEY } from "./limits.ts";

export const EXPORTER_LABEL = "EXPORTER-amicopy-sealed-1";
export const EXPORTER_BYTES = 80;

/** The exporter's {@link EXPORTER_BYTES} bytes, cut. */
export function sessionKeys(exported: Buffer) {
  return {
    records: exported.subarray(0, 32),
    forward: new NoteCodec(exported.subarray(32, 52)),
    backward: new NoteCodec(exported.subarray(52, 72)),
    mark: { tag: exported.readUInt32BE(72), secret: exported.readUInt32BE(76) },
  };
}

export type SessionKeys = ReturnType<typeof sessionKeys>;

/** The AES-128 key of a record. */
export function recordKey(records: Uint8Array, record: number): Buffer {
  const epoch = Math.floor(record / RECORDS_PER_KEY);
  return createHmac("sha256", records).update(`record key ${epoch}`).digest().subarray(0, 16);
}
