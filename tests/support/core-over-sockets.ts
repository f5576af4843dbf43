/**
 * Sender and receiver core over two sockets of any kind, with a seeded link's troubles on both ways:
 * loss, bursts, reordering, duplication, corruption, delay, a rate and a queue.
 */

import { createHash, randomFillSync } from "node:crypto";
import { DataPath } from "../../tsunami/sealed/data-path.ts";
import { sessionKeys } from "../../tsunami/sealed/keys.ts";
import { SEALED_BYTES_MAX, WINDOW_RECORDS } from "../../tsunami/sealed/limits.ts";
import { RateController } from "../../tsunami/sealed/rate-controller.ts";
import { ReceiverCore } from "../../tsunami/sealed/receiver-core.ts";
import { decodeReport, encodeReport } from "../../tsunami/sealed/report.ts";
import { SenderCore } from "../../tsunami/sealed/sender-core.ts";
import type { DatagramSocket } from "../../tsunami/sockets/datagram-socket.ts";
import type { Ground } from "./grounds.ts";
import { type LinkConditions, MemoryLink } from "./memory-network.ts";

const REPORT_MS = 10;
const BATCH_BYTES = 64_000;
const ADDRESS = "127.0.0.1";

/** A socket behind a link: what comes out of it is sent on, in batches again. */
class Behind implements DatagramSocket {
  readonly link: MemoryLink;
  readonly #socket: DatagramSocket;
  readonly #ground: Ground;
  #to = 0;

  constructor(socket: DatagramSocket, ground: Ground, conditions: LinkConditions, seed: number) {
    this.#socket = socket;
    this.#ground = ground;
    this.link = new MemoryLink(conditions, seed);
  }

  get port(): number {
    return this.#socket.port;
  }

  send(batch: Buffer, segmentBytes: number, port: number): boolean {
    this.#to = port;
    for (let at = 0; at < batch.length; at += segmentBytes) {
      this.link.send(batch.subarray(at, at + segmentBytes), this.#ground.nowMs());
    }
    return true;
  }

  flush(): void {
    let batch: Buffer[] = [];
    const pass = () => {
      const segmentBytes = batch[0]?.length ?? 0;
      if (batch.length) this.#socket.send(Buffer.concat(batch), segmentBytes, this.#to, ADDRESS);
      batch = [];
    };
    for (const datagram of this.link.arrivals(this.#ground.nowMs())) {
      const fits = (batch.length + 1) * datagram.length <= BATCH_BYTES;
      if (batch[0] && (datagram.length !== batch[0].length || !fits)) pass();
      batch.push(datagram);
    }
    pass();
  }

  close(): void {
    this.#socket.close();
  }
}

export interface CoreTransfer {
  readonly seed: number;
  readonly forward: LinkConditions;
  readonly backward: LinkConditions;
  readonly records: number;
  readonly recordBytes: number;
  readonly limitMs: number;
}

/** @returns Whether every record was confirmed, how many came torn, and what the links lost. */
export async function transferOver(ground: Ground, options: CoreTransfer) {
  const { seed, records, recordBytes } = options;
  const exported = createHash("shake256", { outputLength: 80 }).update(`${seed}`).digest();
  const [there, here] = [sessionKeys(exported), sessionKeys(exported)];
  const source = Buffer.alloc(WINDOW_RECORDS * SEALED_BYTES_MAX);
  randomFillSync(source);
  const target = Buffer.alloc(source.length);
  const rate = new RateController();
  const { mark } = here;
  const sender = new SenderCore({ ring: source, mark, rate, onConfirmed: () => {} });
  let torn = 0;
  const receiver = new ReceiverCore({
    ...{ ring: target, mark },
    onRecord: (record, sealedBytes) => {
      const from = (record % WINDOW_RECORDS) * SEALED_BYTES_MAX;
      if (!target.compare(source, from, from + sealedBytes, from, from + sealedBytes)) {
        return receiver.confirm(record);
      }
      torn += 1;
      receiver.reject(record);
      sender.again(record);
    },
  });
  const left = await ground.open({ port: 0, address: ADDRESS }, (batch) => {
    out.receive(batch, onNote, () => 0);
  });
  const right = await ground.open({ port: 0, address: ADDRESS }, (batch) => {
    into.receive(batch, onNote, (at) => receiver.onFragment(batch, at, ground.nowMs()));
  });
  const forward = new Behind(left, ground, options.forward, seed);
  const backward = new Behind(right, ground, options.backward, seed + 1);
  const out = new DataPath(forward, here.forward, here.backward);
  const into = new DataPath(backward, there.backward, there.forward);
  const onNote = (body: Buffer) => {
    const report = decodeReport(body);
    if (report) sender.onReport(report, ground.nowMs());
  };
  out.peer = { port: right.port, address: ADDRESS };
  into.peer = { port: left.port, address: ADDRESS };
  for (let record = 0; record < records; record += 1) sender.offer(record, recordBytes);
  sender.finish();
  const batch = Buffer.alloc(BATCH_BYTES);
  const endMs = ground.nowMs() + options.limitMs;
  try {
    for (let reportedAt = 0; !sender.done && ground.nowMs() < endMs; await ground.step()) {
      const now = ground.nowMs();
      for (let { bytes, segmentBytes } = sender.fill(batch, now); bytes; ) {
        out.send(batch.subarray(0, bytes), segmentBytes);
        ({ bytes, segmentBytes } = sender.fill(batch, now));
      }
      if (now - reportedAt >= REPORT_MS) {
        const report = receiver.report(now);
        if (report) into.sendNote(encodeReport(report));
        reportedAt = now;
      }
      forward.flush();
      backward.flush();
    }
  } finally {
    forward.close();
    backward.close();
  }
  return { done: sender.done, torn, lost: forward.link.lost + backward.link.lost };
}
