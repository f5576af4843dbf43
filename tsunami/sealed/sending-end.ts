/** The sender of a running session: path, timer and disk thread around the sender core. */

import { readFileSync } from "node:fs";
import { networkInterfaces } from "node:os";
import { QUEUED_BYTES_MAX } from "../sockets/datagram-socket.ts";
import type { ControlMessage } from "./control.ts";
import { FRAGMENT_HEADER_BYTES } from "./datagram.ts";
import type { DiskOrder, DiskReport } from "./disk-worker.ts";
import { DATAGRAM_BYTES, HEADER_BYTES, TICK_MS, WINDOW_RECORDS } from "./limits.ts";
import { RateController } from "./rate-controller.ts";
import { ANSWER_NOTE, decodeReport, encodeProbe, PROBE_NOTE } from "./report.ts";
import { SenderCore } from "./sender-core.ts";
import { Proof, type SessionContext, type SessionEnd } from "./session-end.ts";

/** A note is this much longer than its body. */
const NOTE_OVERHEAD_BYTES = 28;
/** Ours. Probes of one size sent at once: their loss must not cost the big datagrams. */
const PROBE_COPIES = 3;
/** Ours. A turn of the event loop sends at most this long. */
const TURN_MS = 4;
const BATCH_BYTES = 64_000;
/** A batch stays where it was written while the socket may still have it waiting. */
const BATCHES_BYTES = 2 * QUEUED_BYTES_MAX;

export class SendingEnd implements SessionEnd {
  bytesDone = 0;
  readonly #context: SessionContext;
  readonly #rate: RateController;
  readonly #core: SenderCore;
  readonly #proof: Proof;
  readonly #covered: number[] = [];
  readonly #own: string[] = [];
  #bytesKept = 0;
  readonly #batches = Buffer.allocUnsafeSlow(BATCHES_BYTES + BATCH_BYTES);
  #batchAt = 0;
  #probed = false;
  #timer: NodeJS.Timeout | undefined;

  constructor(context: SessionContext) {
    const { options, keys, ring, disk, held } = context;
    this.#context = context;
    this.#proof = new Proof(options);
    this.#rate = new RateController(options.rateCapBitsPerSecond);
    this.#core = new SenderCore({
      ring,
      mark: keys.mark,
      rate: this.#rate,
      onConfirmed: (record) => {
        this.bytesDone += this.#covered[record % WINDOW_RECORDS] ?? 0;
      },
    });
    disk.tell({ type: "start", key: keys.records, held });
    this.#openWindow();
    this.#tick();
  }

  get lossRatio(): number {
    return this.#rate.lossRatio;
  }

  #openWindow(): void {
    const { base, backlog } = this.#core;
    this.#context.disk.tell({ type: "window", limit: base + WINDOW_RECORDS, backlog });
  }

  #tick(): void {
    const { path } = this.#context;
    const start = performance.now();
    if (path.peer) {
      // Until it has reported, the receiver may not know where we are: fragments do not say who sent them.
      if (!this.#probed) path.sendNote(encodeProbe(ANSWER_NOTE, 0));
      for (let now = start; now - start < TURN_MS; now = performance.now()) {
        const at = this.#batchAt;
        const batch = this.#batches.subarray(at, at + BATCH_BYTES);
        const { bytes, segmentBytes } = this.#core.fill(batch, now);
        if (bytes === 0) break;
        path.send(batch.subarray(0, bytes), segmentBytes);
        this.#batchAt = (at + bytes) % BATCHES_BYTES;
      }
    }
    this.#timer = setTimeout(() => this.#tick(), TICK_MS);
  }

  /**
   * All sizes at once, and once only for a path: after the first "too big" of a router the kernel would cut the
   * next ones to pieces, and their arrival would prove nothing.
   */
  #probePath(): void {
    const { path, localAddress } = this.#context;
    this.#probed = true;
    const limit = interfaceLimit(localAddress);
    for (let copy = 0; copy < PROBE_COPIES; copy += 1) {
      for (const bytes of DATAGRAM_BYTES) {
        if (bytes > limit) continue;
        path.sendNote(encodeProbe(PROBE_NOTE, bytes, bytes - NOTE_OVERHEAD_BYTES));
      }
    }
  }

  onDatagrams(batch: Buffer): boolean {
    const core = this.#core;
    const onNote = (body: Buffer) => {
      const report = decodeReport(body);
      if (report) {
        const base = core.base;
        // By its report the receiver is there: nobody answers probes that come before it is.
        if (!this.#probed) this.#probePath();
        // Of a path that has become narrower it must be found out again what it carries.
        if (core.onReport(report, performance.now())) this.#probed = false;
        if (core.base !== base) this.#openWindow();
      } else if (body[0] === ANSWER_NOTE && body.length >= 3) {
        const bytes = body.readUInt16BE(1) - FRAGMENT_HEADER_BYTES;
        if (bytes > core.fragmentBytes && bytes < 9000) core.fragmentBytes = bytes;
      }
    };
    return this.#context.path.receive(batch, onNote, () => 0);
  }

  onControl(message: ControlMessage): void {
    const { type, record, volume, digest } = message;
    const { tell, finish, disk } = this.#context;
    if (type === "have") disk.tell(message as DiskOrder);
    const index = volume as number;
    const own = this.#own[index];
    if (type === "again" && Number.isSafeInteger(record)) this.#core.again(record as number);
    if (type !== "proof" || own === undefined) return;
    this.#proof.settle(index, own, digest);
    if (!this.#proof.complete) return;
    const { bytesSent, bytesResent } = this.#core;
    tell({ type: "bye", bytesSent, bytesResent });
    finish({
      ...{ digests: this.#proof.digests, bytesSent, bytesResent, bytesKept: this.#bytesKept },
    });
  }

  onDisk(report: DiskReport): void {
    if (report.type === "record") {
      this.#covered[report.record % WINDOW_RECORDS] = report.coveredBytes;
      this.#bytesKept += report.keptBytes;
      this.#core.offer(report.record, report.sealedBytes);
    } else if (report.type === "digest") {
      this.#own[report.volume] = report.digest;
      this.#context.tell(report);
    } else if (report.type === "end") this.#core.finish();
  }

  repeat(): void {
    for (const [volume, digest] of this.#own.entries()) {
      if (digest !== undefined) this.#context.tell({ type: "digest", volume, digest });
    }
  }

  close(): void {
    clearTimeout(this.#timer);
  }
}

/** UDP payload that the interface with this address carries in one piece. */
function interfaceLimit(address: string): number {
  const names = Object.entries(networkInterfaces());
  const [name] = names.find(([, all]) => all?.some((one) => one.address === address)) ?? [
    address.startsWith("127.") ? "lo" : "",
  ];
  try {
    return Number(readFileSync(`/sys/class/net/${name}/mtu`, "utf8")) - HEADER_BYTES;
  } catch {
    return 1472; // Every Ethernet.
  }
}
