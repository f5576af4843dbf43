/** The receiver of a running session: path, timer and disk threads around the receiver core. */

import { TransferError } from "../transfer-error.ts";
import type { ControlMessage } from "./control.ts";
import { type DiskReport, type DiskThread, startDiskThread } from "./disk-worker.ts";
import { LEAF_BYTES, REPORT_MS } from "./limits.ts";
import { ReceiverCore } from "./receiver-core.ts";
import type { Coverage } from "./record.ts";
import { ANSWER_NOTE, encodeProbe, encodeReport, PROBE_NOTE } from "./report.ts";
import { Proof, type SessionContext, type SessionEnd } from "./session-end.ts";

/** Ours. Reports repeat what they said this often when nothing is new. */
const REPEAT_MS = 100;
/** Ours. Until something comes, a listening sender may not know yet where to send. */
const CALL_MS = 20;
/** Ours. Between reports of the first bursts, a few milliseconds long each. */
const WATCHED_REPORT_MS = 0.8;

/** A number of the peer's, for the report: what is none counts as 0. */
const count = (value: unknown) =>
  Number.isSafeInteger(value) && Number(value) >= 0 ? Number(value) : 0;

export class ReceivingEnd implements SessionEnd {
  bytesDone = 0;
  readonly #context: SessionContext;
  readonly #core: ReceiverCore;
  readonly #prover: DiskThread;
  #scanner: DiskThread | undefined;
  #bytesKept = 0;
  readonly #proof: Proof;
  readonly #own: string[] = [];
  readonly #theirs: string[] = [];
  /** Written before an earlier record was. */
  readonly #written = new Map<number, Coverage>();
  /** Where the next record of each volume starts. */
  readonly #covered: number[] = [];
  /** Records that the disk thread has not answered for. */
  #open = 0;
  /** Asked for again. */
  readonly #torn = new Set<number>();
  readonly #timer: NodeJS.Timeout;
  #news = true;
  #reportedAt = 0;

  constructor(context: SessionContext) {
    const { options, keys, ring, disk, blank, fail } = context;
    const { volumes, workerEntry } = options;
    this.#context = context;
    this.#proof = new Proof(options);
    this.#core = new ReceiverCore({
      ring,
      mark: keys.mark,
      onRecord: (record, sealedBytes) => {
        this.#open += 1;
        disk.tell({ type: "write", record, sealedBytes });
      },
    });
    const onProof = (report: DiskReport) => {
      if (report.type === "digest") this.#compare(report.volume, this.#own, report.digest);
    };
    this.#prover = startDiskThread(workerEntry, { task: "prove", volumes, blank }, onProof, fail);
    disk.tell({ type: "start", key: keys.records, held: [] });
    this.#sayWhatIsHeld();
    this.#timer = setInterval(() => this.#report(), REPORT_MS);
    this.#report();
  }

  get lossRatio(): number {
    return this.#core.lossRatio;
  }

  /** An earlier try may have brought much of it; the sender waits for a word on what was announced. */
  #sayWhatIsHeld(): void {
    const { held, blank, options, tell, fail } = this.#context;
    const { volumes, workerEntry } = options;
    for (const volume of held) {
      const leaves = Math.ceil((volumes[volume]?.sizeBytes ?? 0) / LEAF_BYTES);
      if (blank[volume]) tell({ type: "have", volume, from: leaves, to: leaves, digests: "" });
    }
    if (!blank.includes(false)) return;
    const scan = { task: "scan", volumes, blank } as const;
    this.#scanner = startDiskThread(workerEntry, scan, (report) => tell({ ...report }), fail);
  }

  #report(): void {
    const now = performance.now();
    const waits = this.#core.started ? REPEAT_MS : CALL_MS;
    if (!this.#news && now - this.#reportedAt < waits) return;
    const report = this.#core.report(now);
    this.#context.path.sendNote(report ? encodeReport(report) : encodeProbe(ANSWER_NOTE, 0));
    this.#news = false;
    this.#reportedAt = now;
  }

  /** Notes a digest of one side; when both are known they must be equal. */
  #compare(volume: number, side: string[], digest: string): void {
    side[volume] = digest;
    const own = this.#own[volume];
    const theirs = this.#theirs[volume];
    if (own === undefined || theirs === undefined) return;
    try {
      // A character device proves nothing: the sender's word is all there is.
      this.#proof.settle(volume, own || theirs, theirs);
      this.#context.tell({ type: "proof", volume, digest: theirs });
    } catch (error) {
      this.#context.fail(error);
    }
  }

  onDatagrams(batch: Buffer): boolean {
    const { path } = this.#context;
    const now = performance.now();
    const onNote = (body: Buffer, noteBytes: number) => {
      const probes = body[0] === PROBE_NOTE && body.length >= 3 && body.readUInt16BE(1) > 0;
      if (probes) path.sendNote(encodeProbe(ANSWER_NOTE, noteBytes));
    };
    const ours = path.receive(batch, onNote, (at) => {
      this.#news = true;
      return this.#core.onFragment(batch, at, now);
    });
    if (this.#core.watched && now - this.#reportedAt >= WATCHED_REPORT_MS) this.#report();
    return ours;
  }

  onControl({ type, volume, digest, bytesSent, bytesResent }: ControlMessage): void {
    const index = volume as number;
    // "length" is something of a list, too.
    const known =
      Number.isSafeInteger(volume) && this.#context.options.volumes[index] !== undefined;
    if (type === "digest" && known) this.#compare(index, this.#theirs, String(digest));
    if (type === "bye") this.#finish(count(bytesSent), count(bytesResent));
  }

  /** Its last word may get lost with it: both digests are here, and `bye` would add only numbers. */
  onLost(): void {
    this.#finish(0, 0);
  }

  #finish(bytesSent: number, bytesResent: number): void {
    // What is written after its proof is not proved.
    if (!this.#proof.complete || this.#open) return;
    const { digests } = this.#proof;
    this.#context.finish({ digests, bytesSent, bytesResent, bytesKept: this.#bytesKept });
  }

  onDisk(report: DiskReport): void {
    const core = this.#core;
    if (report.type === "torn") {
      core.reject(report.record);
      this.#open -= 1;
      this.#torn.add(report.record);
      this.#context.tell({ type: "again", record: report.record });
    } else if (report.type === "written") {
      const { record, coverage } = report;
      this.#open -= 1;
      this.#written.set(record, coverage);
      this.#torn.delete(record);
      this.bytesDone += coverage.end - coverage.start;
      if (coverage.keep) this.#bytesKept += coverage.end - coverage.start;
      this.#news = true;
      let next = core.base;
      core.confirm(record);
      // The proof follows in the order of the stream, whatever was written first.
      for (; next < core.base; next += 1) {
        const done = this.#written.get(next);
        this.#written.delete(next);
        if (done) this.#follow(done);
      }
    }
  }

  /** Hands a record on to the proof. Each byte is told of once, or the proof would prove nothing. */
  #follow(coverage: Coverage): void {
    const { volume, start, end } = coverage;
    if (start !== (this.#covered[volume] ?? 0)) {
      const what = `the peer's records leave out, or repeat, byte ${start} of volume ${volume}`;
      this.#context.fail(new TransferError("protocol", what));
    }
    this.#covered[volume] = end;
    this.#prover.tell({ type: "written", coverage });
  }

  repeat(): void {
    // Proofs are said again when the sender repeats its digests.
    for (const record of this.#torn) this.#context.tell({ type: "again", record });
  }

  close(): unknown {
    clearInterval(this.#timer);
    return Promise.all([this.#prover.end(), this.#scanner?.end()]);
  }
}
