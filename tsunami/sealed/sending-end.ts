/** The sender of a running session: sockets, timers and disk thread around the sender core. */

import { readFileSync } from "node:fs";
import { networkInterfaces } from "node:os";
import { TransferError } from "../transfer-error.ts";
import { FRAGMENT_HEADER_BYTES, NoteCodec } from "./datagram.ts";
import { DATAGRAM_BYTES, HEADER_BYTES, TICK_MS, WINDOW_RECORDS } from "./limits.ts";
import { RateController } from "./rate-controller.ts";
import { decodeReport, encodeProbe, NoteType } from "./report.ts";
import { SenderCore } from "./sender-core.ts";
import type { SessionContext, SessionEnd } from "./session-end.ts";

/** A note is this much longer than its body. */
const NOTE_OVERHEAD_BYTES = 28;
/** Ours. Probes of one size sent at once: their loss must not cost the big datagrams. */
const PROBE_COPIES = 3;
/** Ours. A turn of the event loop sends at most this long. */
const TURN_MS = 4;
const BATCH_BYTES = 64_000;

export function startSending(context: SessionContext): SessionEnd {
  const { options, keys, control, socket, disk, fail } = context;
  const notes = new NoteCodec(keys.forwardTag, keys.forwardNotes);
  const answers = new NoteCodec(keys.backwardTag, keys.backwardNotes);
  const rate = new RateController(options.rateCapBitsPerSecond);
  const covered: number[] = [];
  let bytesDone = 0;
  const core = new SenderCore({
    ring: context.ring,
    mark: { tag: keys.fragmentTag, secret: keys.checkSecret },
    rate,
    onConfirmed: (record) => {
      bytesDone += covered[record % WINDOW_RECORDS] ?? 0;
    },
  });
  const digests = options.volumes.map(() => "");
  let proved = 0;
  let probed = false;
  const openWindow = () => {
    disk.tell({ type: "window", limit: core.base + WINDOW_RECORDS, backlog: core.backlog });
  };
  const sendNote = (body: Buffer) => {
    const peer = context.peer();
    if (!peer) return;
    const note = notes.seal(body);
    socket.send(note, note.length, peer.port, peer.address);
  };
  const probePath = () => {
    // All at once and once only: after the first "too big" of a router the kernel would cut the
    // next ones to pieces, and their arrival would prove nothing.
    probed = true;
    const limit = interfaceLimit(control.localAddress);
    for (let copy = 0; copy < PROBE_COPIES; copy += 1) {
      for (const bytes of DATAGRAM_BYTES) {
        if (bytes <= limit)
          sendNote(encodeProbe(NoteType.probe, bytes, bytes - NOTE_OVERHEAD_BYTES));
      }
    }
  };
  const onNote = (body: Buffer) => {
    const report = decodeReport(body);
    if (report) {
      const base = core.base;
      core.onReport(report, performance.now());
      if (core.base !== base) openWindow();
    } else if (body[0] === NoteType.answer && body.length >= 3) {
      const bytes = body.readUInt16BE(1) - FRAGMENT_HEADER_BYTES;
      if (bytes > core.fragmentBytes && bytes < 9000) core.fragmentBytes = bytes;
    }
  };
  const batch = Buffer.allocUnsafeSlow(BATCH_BYTES);
  const tick = () => {
    const peer = context.peer();
    const start = performance.now();
    if (peer && !probed) probePath();
    for (let now = start; peer && now - start < TURN_MS; now = performance.now()) {
      const { bytes, segmentBytes } = core.fill(batch, now);
      if (bytes === 0) break;
      socket.send(batch.subarray(0, bytes), segmentBytes, peer.port, peer.address);
    }
    timer = setTimeout(tick, core.done ? 50 : TICK_MS);
  };
  let timer = setTimeout(tick, 0);
  disk.tell({ type: "start", key: keys.records });
  openWindow();
  return {
    get lossRatio() {
      return rate.lossRatio;
    },
    get bytesDone() {
      return bytesDone;
    },
    onDatagrams(datagrams) {
      let heard = false;
      for (let at = 0, length = 0; at < datagrams.length; at += length) {
        length = answers.lengthAt(datagrams, at);
        if (length === 0) break;
        const body = answers.open(datagrams.subarray(at, at + length));
        if (!body) continue;
        heard = true;
        onNote(body);
      }
      return heard;
    },
    onControl({ type, record, volume, digest }) {
      if (type === "again") {
        if (!Number.isSafeInteger(record)) throw new TypeError("again");
        core.again(record as number);
      } else if (type === "proof") {
        const index = volume as number;
        const own = digests[index];
        if (!own || own !== digest) {
          return fail(new TransferError("digest-mismatch", mismatch(options, index)));
        }
        options.onVolume?.(index, own);
        proved += 1;
        if (proved < digests.length) return;
        const { bytesSent, bytesResent } = core;
        const report = { digests, bytesRead: bytesTotal(options), bytesSent, bytesResent };
        control.send({ type: "bye", bytesSent, bytesResent });
        context.finish(report);
      }
    },
    onDisk(report) {
      if (report.type === "record") {
        covered[report.record % WINDOW_RECORDS] = report.coveredBytes;
        core.offer(report.record, report.sealedBytes);
      } else if (report.type === "digest") {
        digests[report.volume] = report.digest;
        control.send(report);
      } else if (report.type === "end") core.finish();
    },
    keepAlive: () => sendNote(encodeProbe(NoteType.probe, 0)),
    close: () => {
      clearTimeout(timer);
      return disk.end();
    },
  };
}

/** All volumes' bytes. */
export function bytesTotal({ volumes }: SessionContext["options"]): number {
  return volumes.reduce((sum, volume) => sum + volume.sizeBytes, 0);
}

/** The sentence for a volume whose copy is not equal. */
export function mismatch({ volumes }: SessionContext["options"], index: number): string {
  return `volume ${index} (${volumes[index]?.path}) read back differs from its source`;
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
