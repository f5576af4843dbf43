/** The receiver of a running session: sockets, timers and disk threads around the receiver core. */

import { TransferError } from "../transfer-error.ts";
import { NoteCodec } from "./datagram.ts";
import { type DiskReport, startDiskThread } from "./disk-worker.ts";
import { REPORT_MS } from "./limits.ts";
import { ReceiverCore } from "./receiver-core.ts";
import type { Coverage } from "./record.ts";
import { encodeProbe, encodeReport, NoteType } from "./report.ts";
import { bytesTotal, mismatch } from "./sending-end.ts";
import type { SessionContext, SessionEnd } from "./session-end.ts";

/** Ours. Reports repeat what they said this often when nothing is new. */
const REPEAT_MS = 100;

export function startReceiving(context: SessionContext): SessionEnd {
  const { options, keys, control, socket, disk, fail } = context;
  const notes = new NoteCodec(keys.backwardTag, keys.backwardNotes);
  const probes = new NoteCodec(keys.forwardTag, keys.forwardNotes);
  const written = new Map<number, Coverage>();
  const own = options.volumes.map(() => undefined as string | undefined);
  const theirs = options.volumes.map(() => undefined as string | undefined);
  let proved = 0;
  let bytesDone = 0;
  let news = true;
  let reportedAt = 0;
  const core = new ReceiverCore({
    ring: context.ring,
    mark: { tag: keys.fragmentTag, secret: keys.checkSecret },
    onRecord: (record, sealedBytes) => disk.tell({ type: "write", record, sealedBytes }),
  });
  const sendNote = (body: Buffer) => {
    const peer = context.peer();
    if (!peer) return;
    const note = notes.seal(body);
    socket.send(note, note.length, peer.port, peer.address);
  };
  const tick = () => {
    const now = performance.now();
    if (!news && now - reportedAt < REPEAT_MS) return;
    const report = core.report(now);
    sendNote(report ? encodeReport(report) : encodeProbe(NoteType.answer, 0));
    news = false;
    reportedAt = now;
  };
  const compare = (index: number) => {
    const mine = own[index];
    if (mine === undefined || theirs[index] === undefined) return;
    // A character device proves nothing: the sender's word is all there is.
    const digest = mine || theirs[index];
    if (digest !== theirs[index]) {
      return fail(new TransferError("digest-mismatch", mismatch(options, index)));
    }
    own[index] = digest;
    control.send({ type: "proof", volume: index, digest });
    options.onVolume?.(index, digest);
    proved += 1;
  };
  const onProof = (report: DiskReport) => {
    if (report.type !== "digest") return;
    own[report.volume] = report.digest;
    compare(report.volume);
  };
  const { volumes, workerEntry } = options;
  const task = { task: "prove", volumes, blank: context.blank } as const;
  const prover = startDiskThread(workerEntry, task, onProof, fail);
  disk.tell({ type: "start", key: keys.records });
  const timer = setInterval(tick, REPORT_MS);
  tick();
  return {
    lossRatio: 0,
    get bytesDone() {
      return bytesDone;
    },
    onDatagrams(datagrams) {
      const now = performance.now();
      const junk = core.junk;
      let heard = false;
      for (let at = 0, length = 0; at < datagrams.length; at += length) {
        length = probes.lengthAt(datagrams, at);
        if (length === 0) {
          length = core.onFragment(datagrams, at, now);
          if (length === 0) break;
          news = true;
          heard ||= core.junk === junk;
          continue;
        }
        const body = probes.open(datagrams.subarray(at, at + length));
        if (!body) continue;
        heard = true;
        const size = body.length >= 3 ? body.readUInt16BE(1) : 0;
        if (body[0] === NoteType.probe && size) sendNote(encodeProbe(NoteType.answer, length));
      }
      return heard;
    },
    onControl({ type, volume, digest, bytesSent, bytesResent }) {
      if (type === "digest") {
        if (typeof digest !== "string" || !((volume as number) in theirs))
          throw new TypeError("digest");
        theirs[volume as number] = digest;
        compare(volume as number);
      } else if (type === "bye") {
        if (proved < volumes.length) throw new TypeError("bye");
        context.finish({
          digests: theirs.map(String),
          bytesRead: bytesTotal(options),
          bytesSent: Number(bytesSent) || 0,
          bytesResent: Number(bytesResent) || 0,
        });
      }
    },
    onDisk(report) {
      if (report.type === "torn") {
        core.reject(report.record);
        control.send({ type: "again", record: report.record });
      } else if (report.type === "written") {
        const { record, coverage } = report;
        const base = core.base;
        written.set(record, coverage);
        bytesDone += coverage.end - coverage.start;
        core.confirm(record);
        news = true;
        // The proof follows in the order of the stream, whatever was written first.
        for (let next = base; next < core.base; next += 1) {
          const done = written.get(next);
          written.delete(next);
          if (done) prover.tell({ type: "written", coverage: done });
        }
      }
    },
    keepAlive: () => sendNote(encodeProbe(NoteType.answer, 0)),
    close: () => {
      clearInterval(timer);
      return Promise.all([disk.end(), prover.end()]);
    },
  };
}
