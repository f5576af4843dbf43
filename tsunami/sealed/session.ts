/**
 * A sealed transfer of volumes, from opened disks to equal digests.
 *
 * 1. Open and check the volumes, in a thread of their own; bind UDP.
 * 2. Meet the peer: TLS with the pre-shared key; say hello; sizes must agree.
 * 3. Send, or receive and read back (`sending-end.ts`, `receiving-end.ts`).
 * 4. Both sides know every digest, and that they are equal. Or one sentence says why not.
 */

import type { DatagramSocket } from "../sockets/datagram-socket.ts";
import { openPlainSocket } from "../sockets/plain-socket.ts";
import { TransferError, type TransferErrorCode } from "../transfer-error.ts";
import { type Control, type ControlMessage, openControl } from "./control.ts";
import { type DiskReport, startDiskThread } from "./disk-worker.ts";
import { sessionKeys } from "./keys.ts";
import { SEALED_BYTES_MAX, VOLUMES_MAX, WAITS, WINDOW_RECORDS } from "./limits.ts";
import { startReceiving } from "./receiving-end.ts";
import { bytesTotal, startSending } from "./sending-end.ts";
import type { SessionEnd, SessionOptions, SessionReport } from "./session-end.ts";

export { runDiskWorker } from "./disk-worker.ts";
export type { Progress, SessionOptions, SessionReport } from "./session-end.ts";

const VERSION = 1;
const PROGRESS_MS = 1000;
const CODES: readonly TransferErrorCode[] = ["digest-mismatch", "disk-io", "disk-size", "protocol"];

/**
 * Runs one side of a transfer to its end.
 *
 * @throws TransferError - Nothing of the session is left then: no timer, thread, socket or file.
 */
export async function runSession(options: SessionOptions): Promise<SessionReport> {
  const started = performance.now();
  const waits = { ...WAITS, ...options.waits };
  const end = new AbortController();
  const fail = (error: unknown) => end.abort(error);
  const stop = () => fail(new TransferError("stopped", "the transfer was stopped"));
  const closers: (() => unknown)[] = [];
  /** Settles with `promise`, or fails as soon as the session does. */
  const unless = <T>(promise: Promise<T>): Promise<T> => {
    const { promise: ended, reject } = Promise.withResolvers<never>();
    const ends = () => reject(end.signal.reason);
    end.signal.addEventListener("abort", ends);
    if (end.signal.aborted) ends();
    return Promise.race([promise, ended]).finally(() =>
      end.signal.removeEventListener("abort", ends),
    );
  };
  let running: SessionEnd | undefined;
  let control: Control | undefined;
  let heardAt = started;
  try {
    options.signal.addEventListener("abort", stop);
    closers.push(() => options.signal.removeEventListener("abort", stop));
    if (options.signal.aborted) stop();
    checkOptions(options);
    const sending = options.role === "sender";
    const ring = new SharedArrayBuffer(WINDOW_RECORDS * SEALED_BYTES_MAX);
    const ready = Promise.withResolvers<readonly boolean[]>();
    const disk = startDiskThread(
      options.workerEntry,
      { task: sending ? "read" : "write", volumes: options.volumes, ring },
      (report: DiskReport) => {
        if (report.type === "ready") ready.resolve(report.blank);
        else running?.onDisk(report);
      },
      fail,
    );
    closers.push(() => disk.end());
    const blank = await unless(ready.promise);
    let peer: { port: number; address: string } | undefined;
    const socket = await unless(
      openSocket(options, (batch, port, address) => {
        try {
          if (!running?.onDatagrams(batch, port, address)) return;
        } catch (error) {
          return fail(error);
        }
        heardAt = performance.now();
        // A path may move (a NAT forgets): the newest sealed word says where it is.
        if (options.listens) peer = { port, address };
      }),
    );
    closers.push(() => socket.close());
    control = await openControl({ ...options, waits, signal: end.signal });
    const met = control;
    if (!options.listens) peer = { port: options.port, address: met.remoteAddress };
    const hello = Promise.withResolvers<void>();
    const done = Promise.withResolvers<Omit<SessionReport, "durationMs">>();
    met.listen(
      (message) => {
        heardAt = performance.now();
        if (message.type === "failed") fail(peerFailure(message));
        else if (message.type === "hello") checkHello(options, message, hello.resolve);
        else running?.onControl(message);
      },
      (error) => {
        if (error instanceof TransferError) fail(error);
        else fail(new TransferError("peer-lost", `the peer is gone: ${error.message}`, error));
      },
    );
    const sizes = options.volumes.map((volume) => volume.sizeBytes);
    met.send({ type: "hello", version: VERSION, role: options.role, sizes });
    await unless(hello.promise);
    const keys = sessionKeys(met.exported);
    const context = { options, keys, control: met, socket, disk, blank, fail };
    running = (sending ? startSending : startReceiving)({
      ...context,
      ring: Buffer.from(ring),
      peer: () => peer,
      finish: done.resolve,
    });
    closers.push(() => running?.close());
    const beat = setInterval(() => {
      met.send({ type: "ping" });
      running?.keepAlive();
      if (performance.now() - heardAt < waits.silenceMs) return;
      fail(new TransferError("peer-lost", `no word from the peer for ${waits.silenceMs / 1000} s`));
    }, waits.keepaliveMs);
    closers.push(() => clearInterval(beat));
    closers.push(watchProgress(options, running));
    const report = await unless(done.promise);
    return { ...report, durationMs: Math.round(performance.now() - started) };
  } catch (error) {
    const { code, message } = asTransferError(error);
    control?.send({ type: "failed", code, message });
    throw asTransferError(error);
  } finally {
    await Promise.all(closers.reverse().map((close) => close()));
    control?.listen(
      () => {},
      () => {},
    );
    await control?.end();
  }
}

function openSocket(
  { listens, port, localAddress }: SessionOptions,
  onDatagrams: Parameters<typeof openPlainSocket>[1],
): Promise<DatagramSocket> {
  const bind = { port: listens ? port : 0, address: localAddress };
  return openPlainSocket(bind, onDatagrams).catch((error: Error) => {
    throw new TransferError("peer-unreachable", `cannot bind UDP: ${error.message}`, error);
  });
}

function checkOptions({ volumes, psk, listens, peerAddress }: SessionOptions): void {
  const sane = volumes.every(({ sizeBytes }) => Number.isSafeInteger(sizeBytes) && sizeBytes >= 0);
  if (!sane || volumes.length < 1 || volumes.length > VOLUMES_MAX || psk.length !== 32) {
    throw new TransferError("protocol", "volumes or key of this side make no session");
  }
  if (!listens && !peerAddress) throw new TransferError("protocol", "nobody to call");
}

function checkHello(options: SessionOptions, message: ControlMessage, agreed: () => void): void {
  const sizes = options.volumes.map((volume) => volume.sizeBytes);
  const problem =
    message.version !== VERSION
      ? `speaks version ${String(message.version).slice(0, 20)}, not ${VERSION}`
      : message.role === options.role
        ? `is a ${options.role} too`
        : JSON.stringify(message.sizes) !== JSON.stringify(sizes)
          ? "has volumes of other sizes"
          : "";
  if (problem) throw new TransferError("protocol", `the peer ${problem}`);
  agreed();
}

/** What the peer says about its failure: its code if that may be believed, its words cleaned. */
function peerFailure({ code, message }: ControlMessage): TransferError {
  const known = CODES.find((one) => one === code) ?? "peer-lost";
  const words = String(message)
    .replace(/[^\x20-\x7e]/g, "?")
    .slice(0, 300);
  return new TransferError(known, `the peer gave up: ${words}`);
}

function asTransferError(error: unknown): TransferError {
  if (error instanceof TransferError) return error;
  return new TransferError("protocol", `unexpected: ${String(error)}`, error);
}

function watchProgress(options: SessionOptions, running: SessionEnd): () => void {
  let last = 0;
  let at = performance.now();
  const tell = () => {
    const { bytesDone, lossRatio } = running;
    const now = performance.now();
    const rate = ((bytesDone - last) * 8000) / Math.max(1, now - at);
    options.onProgress({
      bytesTotal: bytesTotal(options),
      bytesDone,
      rateBitsPerSecond: Math.round(rate),
      lossRatio,
    });
    last = bytesDone;
    at = now;
  };
  const timer = setInterval(tell, PROGRESS_MS);
  return () => clearInterval(timer);
}
