/**
 * What the receiver says of its state, in a note (see `datagram.ts`), every few milliseconds. Each
 * report says everything anew, so a lost one does no harm.
 *
 *    0  u8   type: 1
 *    1  u32  highest transmission number received (low 32 bits)
 *    5  u32  microseconds between its arrival and this report
 *    9  f64  receiver's clock at its arrival, milliseconds
 *   17  f64  link bytes received in the session, duplicates included
 *   25  u32  lowest record not confirmed
 *   29  20 bytes  one bit a record from there on: confirmed
 *   49  ..   runs downward from the highest: received, lost, received, … (LEB128 each)
 *
 * Type 0 is a probe of the path, padded to the size it tries; type 2 answers it.
 *
 *    0  u8   type: 0 or 2
 *    1  u16  bytes of the probe's datagram
 *    3  ..   padding
 */

import { WINDOW_RECORDS } from "./limits.ts";

export const PROBE_NOTE = 0;
export const REPORT_NOTE = 1;
export const ANSWER_NOTE = 2;

const RUNS_AT = 29 + WINDOW_RECORDS / 8;
/** Specification. A report fits into the smallest datagram that every path carries. */
export const RUN_BYTES_MAX = 1100;

export interface Report {
  readonly highest: number;
  readonly holdMs: number;
  readonly arrivedAtMs: number;
  readonly receivedBytes: number;
  readonly base: number;
  readonly confirmed: Uint8Array;
  /** Downward from `highest`: received, lost, received, … Each at least 1. */
  readonly runs: readonly number[];
}

export function encodeReport(report: Report): Buffer {
  const body = Buffer.alloc(RUNS_AT + report.runs.length * 5);
  body[0] = REPORT_NOTE;
  body.writeUInt32BE(report.highest >>> 0, 1);
  body.writeUInt32BE(Math.min(report.holdMs * 1000, 0xffff_ffff) >>> 0, 5);
  body.writeDoubleBE(report.arrivedAtMs, 9);
  body.writeDoubleBE(report.receivedBytes, 17);
  body.writeUInt32BE(report.base, 25);
  body.set(report.confirmed, 29);
  let at = RUNS_AT;
  for (let run of report.runs) {
    for (; run > 127; run >>>= 7) body[at++] = (run & 127) | 128;
    body[at++] = run;
  }
  return body.subarray(0, at);
}

/** @returns `undefined` when the body is no report. */
export function decodeReport(body: Buffer): Report | undefined {
  if (body.length <= RUNS_AT || body[0] !== REPORT_NOTE) return;
  const runs: number[] = [];
  let run = 0;
  let shift = 0;
  for (const byte of body.subarray(RUNS_AT)) {
    run |= (byte & 127) << shift;
    shift += 7;
    if (byte < 128) {
      if (run < 1) return;
      runs.push(run);
      run = 0;
      shift = 0;
    } else if (shift > 21) return;
  }
  const report = {
    highest: body.readUInt32BE(1),
    holdMs: body.readUInt32BE(5) / 1000,
    arrivedAtMs: body.readDoubleBE(9),
    receivedBytes: body.readDoubleBE(17),
    base: body.readUInt32BE(25),
    confirmed: body.subarray(29, RUNS_AT),
    runs,
  };
  const sane = Math.abs(report.arrivedAtMs) < 2 ** 53 && Math.abs(report.receivedBytes) < 2 ** 53;
  return shift === 0 && sane ? report : undefined;
}

/** A probe of the path, or its answer, padded to `bodyBytes`. */
export function encodeProbe(type: number, datagramBytes: number, bodyBytes = 3): Buffer {
  const body = Buffer.alloc(Math.max(3, bodyBytes));
  body[0] = type;
  body.writeUInt16BE(datagramBytes, 1);
  return body;
}
