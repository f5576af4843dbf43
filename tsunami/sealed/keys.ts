/**
 * The key schedule. Everything comes from the TLS exporter of the control channel, so it is new
 * for every connection and known only to whoever holds the pre-shared key.
 */

import { createHmac } from "node:crypto";
import { RECORDS_PER_KEY } from "./limits.ts";

export const EXPORTER_LABEL = "EXPORTER-amicopy-sealed-1";
export const EXPORTER_BYTES = 80;

export interface SessionKeys {
  /** From it come the record keys, one for every {@link RECORDS_PER_KEY} records. */
  readonly records: Buffer;
  /** Keys of the notes, sender to receiver and back. */
  readonly forwardNotes: Buffer;
  readonly backwardNotes: Buffer;
  /** First words: fragments, forward notes, backward notes; and the secret of the header check. */
  readonly fragmentTag: number;
  readonly forwardTag: number;
  readonly backwardTag: number;
  readonly checkSecret: number;
}

/** Cuts the exporter's {@link EXPORTER_BYTES} bytes. */
export function sessionKeys(exported: Buffer): SessionKeys {
  return {
    records: exported.subarray(0, 32),
    forwardNotes: exported.subarray(32, 48),
    backwardNotes: exported.subarray(48, 64),
    fragmentTag: exported.readUInt32BE(64),
    forwardTag: exported.readUInt32BE(68),
    backwardTag: exported.readUInt32BE(72),
    checkSecret: exported.readUInt32BE(76),
  };
}

/** The AES-128 key of a record. */
export function recordKey(records: Uint8Array, record: number): Buffer {
  const epoch = Math.floor(record / RECORDS_PER_KEY);
  return createHmac("sha256", records).update(`record key ${epoch}`).digest().subarray(0, 16);
}
