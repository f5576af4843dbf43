/**
 * Sender and receiver core over a network in memory, with a hand-walked clock: a whole transfer of
 * sealed records without a socket, a disk or a timer.
 */

import { randomFillSync } from "node:crypto";
import { NoteCodec } from "../../tsunami/sealed/datagram.ts";
import { SEALED_BYTES_MAX, WINDOW_RECORDS } from "../../tsunami/sealed/limits.ts";
import { RateController } from "../../tsunami/sealed/rate-controller.ts";
import { ReceiverCore } from "../../tsunami/sealed/receiver-core.ts";
import { decodeReport, encodeReport } from "../../tsunami/sealed/report.ts";
import { SenderCore } from "../../tsunami/sealed/sender-core.ts";
import { type LinkConditions, MemoryLink } from "./memory-network.ts";

export interface CoreSessionOptions {
  readonly seed: number;
  readonly forward: LinkConditions;
  readonly backward?: LinkConditions;
  readonly records: number;
  readonly recordBytes: number;
  readonly fragmentBytes?: number;
  readonly capBitsPerSecond?: number;
  readonly limitMs: number;
  /** How long the receiver's disk takes for a record. */
  readonly writeMs?: number;
  /** Records that the source has ready a second; default: all at once. */
  readonly recordsPerSecond?: number;
  readonly onStep?: (session: CoreSession) => void;
}

export interface CoreSession {
  nowMs: number;
  readonly sender: SenderCore;
  readonly receiver: ReceiverCore;
  readonly rate: RateController;
  readonly forward: MemoryLink;
  readonly backward: MemoryLink;
  /** Records that arrived with other bytes than were sent. */
  damaged: number;
  /** When the sender knew that all is confirmed; `undefined` when it never did. */
  doneMs: number | undefined;
}

const STEP_MS = 1;
const REPORT_MS = 10;
const mark = { tag: 0x54737561, secret: 0x12345678 };
const noteKey = Buffer.alloc(20, 7);

export function runCoreSession(options: CoreSessionOptions): CoreSession {
  const { seed, forward, records, recordBytes } = options;
  const back = options.backward ?? { delayMs: forward.delayMs };
  const source = Buffer.alloc(WINDOW_RECORDS * SEALED_BYTES_MAX);
  randomFillSync(source);
  const target = Buffer.alloc(source.length);
  const rate = new RateController(options.capBitsPerSecond);
  const sender = new SenderCore({ ring: source, mark, rate, onConfirmed: () => {} });
  sender.fragmentBytes = options.fragmentBytes ?? 1450;
  const whole: { record: number; sealedBytes: number; at: number }[] = [];
  const receiver = new ReceiverCore({
    ring: target,
    mark,
    onRecord: (record, sealedBytes) =>
      whole.push({ record, sealedBytes, at: session.nowMs + (options.writeMs ?? 0) }),
  });
  const session: CoreSession = {
    nowMs: 0,
    sender,
    receiver,
    rate,
    forward: new MemoryLink(forward, seed),
    backward: new MemoryLink(back, seed + 1),
    damaged: 0,
    doneMs: undefined,
  };
  const seal = new NoteCodec(noteKey);
  const open = new NoteCodec(noteKey);
  const batch = Buffer.alloc(64_000);
  let offered = 0;
  for (; session.nowMs < options.limitMs; session.nowMs += STEP_MS) {
    const { nowMs } = session;
    const ready = (nowMs * (options.recordsPerSecond ?? Number.POSITIVE_INFINITY)) / 1000 + 1;
    for (; offered < Math.min(records, sender.base + WINDOW_RECORDS, ready); offered += 1) {
      sender.offer(offered, recordBytes);
    }
    if (offered === records) sender.finish();
    send(session, batch);
    let watched = false;
    for (const datagram of session.forward.arrivals(nowMs)) {
      receiver.onFragment(datagram, 0, nowMs);
      watched = receiver.watched;
    }
    while ((whole[0]?.at ?? Number.POSITIVE_INFINITY) <= nowMs) {
      const first = whole.shift();
      if (first === undefined) break;
      const from = (first.record % WINDOW_RECORDS) * SEALED_BYTES_MAX;
      if (target.compare(source, from, from + first.sealedBytes, from, from + first.sealedBytes)) {
        session.damaged += 1;
        receiver.reject(first.record);
        sender.again(first.record);
      } else receiver.confirm(first.record);
    }
    if (watched || nowMs % REPORT_MS === 0) {
      const report = receiver.report(nowMs);
      if (report) session.backward.send(seal.seal(encodeReport(report)), nowMs);
    }
    for (const note of session.backward.arrivals(nowMs)) {
      const body = open.lengthAt(note, 0) ? open.open(note) : undefined;
      const report = body && decodeReport(body);
      if (report) sender.onReport(report, nowMs);
    }
    options.onStep?.(session);
    if (sender.done) {
      session.doneMs = nowMs;
      break;
    }
  }
  return session;
}

function send({ sender, forward, nowMs }: CoreSession, batch: Buffer): void {
  for (;;) {
    const { bytes, segmentBytes } = sender.fill(batch, nowMs);
    if (bytes === 0) return;
    for (let at = 0; at < bytes; at += segmentBytes) {
      forward.send(batch.subarray(at, Math.min(at + segmentBytes, bytes)), nowMs);
    }
  }
}
