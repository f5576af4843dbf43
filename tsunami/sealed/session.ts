/**
 * A sealed transfer of volumes, from opened disks to equal digests.
 *
 * 1. Open and check the volumes, in a thread of their own; bind UDP.
 * 2. Meet the peer: TLS with the pre-shared key; say hello; sizes must agree.
 * 3. Send, or receive and read back (`sending-end.ts`, `receiving-end.ts`).
 * 4. Both sides know every digest, and that they are equal. Or one sentence says why not.
 */

import { randomUUID } from "node:crypto";
import { setTimeout as pause } from "node:timers/promises";
import type { DatagramHandler, DatagramSocket } from "../sockets/datagram-socket.ts";
import { openSocket } from "../sockets/open-socket.ts";
import { TransferError, type TransferErrorCode } from "../transfer-error.ts";
import { type Control, type ControlMessage, openControl } from "./control.ts";
import { DataPath } from "./data-path.ts";
import { startDiskThread } from "./disk-worker.ts";
import { sessionKeys } from "./keys.ts";
import {
  PROOF_BYTES_PER_MS,
  SEALED_BYTES_MAX,
  VOLUMES_MAX,
  WAITS,
  type Waits,
  WINDOW_RECORDS,
} from "./limits.ts";
import { ANSWER_NOTE, encodeProbe } from "./report.ts";
import type { SessionEnd, SessionOptions, SessionReport } from "./session-end.ts";

export { runDiskWorker } from "./disk-worker.ts";
export type { Progress, SessionOptions, SessionReport, SessionRole } from "./session-end.ts";

const VERSION = 1;
const BEAT_MS = 1000;
const RETRY_MS = 250;
/** As long as a timer can be. */
const FOREVER_MS = 2 ** 31 - 1;
const ignore = () => {};
/** What a peer may blame; anything else it says means that it is gone. */
const BELIEVED = /^(digest-mismatch|disk-io|disk-size|protocol)$/;

/** What the listener's `hello` calls a connection by: a word that is seen on the data path anyway. */
const markOf = ({ exported }: Control) => sessionKeys(exported).mark.tag;

/**
 * Runs one side of a transfer to its end.
 *
 * @throws TransferError - Nothing of the session is left then: no timer, thread, socket or file.
 */
export async function runSession(options: SessionOptions): Promise<SessionReport> {
  const session = new Session(options);
  try {
    return await session.run();
  } catch (error) {
    const known = error instanceof TransferError;
    throw session.tell(known ? error : new TransferError("protocol", String(error), error));
  } finally {
    await session.close();
  }
}

class Session {
  readonly #options: SessionOptions;
  readonly #waits: Waits;
  readonly #bytesTotal: number;
  readonly #startedAt = performance.now();
  readonly #ended = new AbortController();
  readonly #fate = Promise.withResolvers<Omit<SessionReport, "bytesRead" | "durationMs">>();
  readonly #hello = Promise.withResolvers<void>();
  readonly #closers: (() => unknown)[] = [];
  #control: Control | undefined;
  #path: DataPath | undefined;
  #end: SessionEnd | undefined;
  #late: NodeJS.Timeout | undefined;
  /** Connections before the session's end is there. */
  readonly #controls: Control[] = [];
  /** The one that gives the keys: the first on which the listener heard the caller. */
  #settled: Control | undefined;
  #blank: readonly boolean[] | undefined;
  /** The volumes of which the receiver says what it holds already. */
  #held: readonly number[] | undefined;
  #goneAt = Number.POSITIVE_INFINITY;
  /** Tells a process from one that was started in its place. */
  readonly #life = randomUUID();
  #peerLife: unknown;
  /** The last word on the data path, and on the control channel. */
  #heardAt = 0;
  #toldAt = 0;

  constructor(options: SessionOptions) {
    this.#options = options;
    this.#waits = { ...WAITS, ...options.waits };
    this.#bytesTotal = options.volumes.reduce((sum, volume) => sum + volume.sizeBytes, 0);
    this.#fate.promise.catch(() => {});
  }

  async run(): Promise<SessionReport> {
    const options = this.#options;
    const { role, listens, port, localAddress, signal, volumes } = options;
    const stop = () => this.#fail(new TransferError("stopped", "the transfer was stopped"));
    signal.addEventListener("abort", stop);
    this.#closers.push(() => signal.removeEventListener("abort", stop));
    if (signal.aborted) stop();
    const count = volumes.length;
    if (count < 1 || count > VOLUMES_MAX) {
      throw new TransferError("protocol", `${count} volumes make no session`);
    }
    const ring = new SharedArrayBuffer(WINDOW_RECORDS * SEALED_BYTES_MAX);
    const { met } = options;
    this.#settled = met;
    if (met) this.#greet(met);
    const opening = this.#openDisk(ring);
    // Whoever has no peer yet need not look for one when a disk is wrong.
    if (!met) await opening;
    opening.catch(ignore);
    const bind = { port: listens ? port : 0, address: localAddress };
    const open = options.openSocket ?? openSocket;
    const socket = await open(bind, this.#onDatagrams).catch((error: Error) => {
      throw new TransferError("peer-unreachable", `UDP: ${error.message}`, error);
    });
    this.#closers.push(() => socket.close());
    const first = met ?? (await this.#meet(this.#waits));
    const again = listens && this.#meetAgain();
    this.#closers.push(() => again);
    this.#heardAt = this.#toldAt = performance.now();
    this.#closers.push(this.#beat());
    let keyed = this.#settle(socket, first);
    const { disk, blank } = await opening;
    if (role.name === "sender" || !met) await this.#until(this.#hello.promise);
    const control = this.#settled ?? first;
    if (control !== first) keyed = this.#settle(socket, control);
    const end = new role.End({
      ...{ ...keyed, options, disk, blank, ring: Buffer.from(ring), held: this.#held ?? [] },
      localAddress: first.localAddress,
      tell: (message) => this.#control?.send(message),
      fail: this.#fail,
      finish: this.#fate.resolve,
    });
    this.#end = end;
    this.#closers.push(() => end.close());
    this.#hear();
    const report = await this.#fate.promise;
    return {
      ...report,
      bytesRead: this.#bytesTotal,
      durationMs: Math.round(performance.now() - this.#startedAt),
    };
  }

  /** The data path under the keys of one connection. */
  #settle(socket: DatagramSocket, { exported, remoteAddress: address }: Control) {
    const { role, listens, port } = this.#options;
    const keys = sessionKeys(exported);
    const { forward, backward } = keys;
    const [out, into] = role.name === "sender" ? [forward, backward] : [backward, forward];
    const path = new DataPath(socket, out, into);
    this.#path = path;
    if (!listens) {
      path.peer = { port, address };
      path.sendNote(encodeProbe(ANSWER_NOTE, 0));
    }
    return { keys, path };
  }

  /** Tells the peer why it ends. */
  tell(error: TransferError): TransferError {
    this.#control?.send({ type: "failed", code: error.code, message: error.message });
    return error;
  }

  async close(): Promise<void> {
    this.#ended.abort();
    clearTimeout(this.#late);
    await Promise.all(this.#closers.reverse().map((close) => close()));
    await this.#control?.end();
  }

  readonly #fail = (error: unknown) => {
    const known = error instanceof TransferError;
    const gone = `the peer is gone: ${error}`;
    const reason = known ? error : new TransferError("peer-lost", gone, error);
    if (reason.code === "peer-lost") this.#end?.onLost?.();
    this.#fate.reject(reason);
    this.#ended.abort(reason);
  };

  /**
   * Meets the peer. A control connection that breaks is replaced: the caller calls again, and the
   * listener always listens, since it may not know yet. The data path goes on with its keys.
   */
  async #meet(waits: Waits, refusedMs?: number): Promise<Control> {
    const control = await openControl(this.#options, waits, this.#ended.signal, refusedMs);
    // The listener must listen again at once: its caller takes a port that refuses it for a dead one.
    const ended = this.#control?.end();
    this.#closers.push(() => ended);
    this.#greet(control);
    return control;
  }

  #greet(control: Control): void {
    this.#control = control;
    clearTimeout(this.#late);
    this.#goneAt = Number.POSITIVE_INFINITY;
    if (!this.#end) this.#controls.push(control);
    // A listener that has not heard the caller does not know yet which keys to name.
    if (!this.#options.listens || this.#settled) this.#sayHello();
    this.#hear();
  }

  #sayHello(): void {
    const { role, volumes } = this.#options;
    this.#held ??= role.held?.(volumes, this.#blank);
    this.#control?.send({
      ...{ type: "hello", version: VERSION, role: role.name, life: this.#life, held: this.#held },
      sizes: volumes.map((volume) => volume.sizeBytes),
      mark: this.#settled && markOf(this.#settled),
    });
  }

  #hear(): void {
    const control = this.#control;
    control?.listen(this.#onMessage, (error) => {
      if (control === this.#control) this.#onGone(error);
    });
  }

  /** Meets a peer that lost its connection, which the listener need not have noticed. */
  async #meetAgain(): Promise<void> {
    const waits = { ...this.#waits, connectMs: FOREVER_MS };
    while (!this.#ended.signal.aborted) {
      await this.#meet(waits).catch(async () => {
        if (!this.#ended.signal.aborted) await pause(RETRY_MS);
      });
    }
  }

  #onGone(error: Error): void {
    if (this.#ended.signal.aborted) return;
    if (error instanceof TransferError) {
      this.#fail(error);
      return;
    }
    const { againMs, refusedMs } = this.#waits;
    this.#goneAt = performance.now();
    clearTimeout(this.#late);
    this.#late = setTimeout(() => this.#fail(error), againMs);
    if (this.#options.listens) return;
    this.#meet(this.#waits, refusedMs).catch(({ message }) => this.#fail(message));
  }

  /** A wait that fails as soon as the session does. */
  #until<T>(promise: Promise<T>): Promise<T> {
    return Promise.race([promise, this.#fate.promise]) as Promise<T>;
  }

  async #openDisk(ring: SharedArrayBuffer) {
    const { role, volumes, workerEntry } = this.#options;
    const ready = Promise.withResolvers<readonly boolean[]>();
    const disk = startDiskThread(
      workerEntry,
      { task: role.diskTask, volumes, ring },
      (report) => {
        if (report.type === "ready") ready.resolve(report.blank);
        else this.#end?.onDisk(report);
      },
      this.#fail,
    );
    this.#closers.push(() => disk.end());
    const blank = await this.#until(ready.promise);
    this.#blank = blank;
    return { disk, blank };
  }

  readonly #onDatagrams: DatagramHandler = (batch, port, address) => {
    const { listens, peerAddress } = this.#options;
    // As on the control channel: a datagram from elsewhere moves nothing, whatever is in it.
    if (listens && peerAddress && address !== peerAddress) return;
    const end = this.#end;
    try {
      // Before the end is there, a note may say where the caller is.
      const ours = end ? end.onDatagrams(batch) : this.#path?.receive(batch, ignore, () => 0);
      if (!ours) return;
    } catch (error) {
      this.#fail(error);
    }
    this.#heardAt = performance.now();
    // A path may move (a NAT forgets): the newest sealed word says where the caller is.
    if (listens && this.#path) this.#path.peer = { port, address };
  };

  readonly #onMessage = (message: ControlMessage) => {
    this.#toldAt = performance.now();
    if (message.type === "failed") {
      const code = String(message.code);
      const words = String(message.message).replace(/[^\x20-\x7e]/g, "?");
      throw new TransferError(
        BELIEVED.test(code) ? (code as TransferErrorCode) : "peer-lost",
        `the peer gave up: ${words.slice(0, 250)}`,
      );
    }
    if (message.type === "hello") this.#checkHello(message);
    else this.#end?.onControl(message);
  };

  #checkHello({ version, role, sizes, life, mark, held }: ControlMessage): void {
    const { volumes, role: own } = this.#options;
    const expected = JSON.stringify(volumes.map((volume) => volume.sizeBytes));
    let problem = "";
    if (version !== VERSION) problem = `speaks version ${String(version).slice(0, 9)}`;
    else if (role === own.name) problem = `is a ${own.name} too`;
    else if (JSON.stringify(sizes) !== expected) problem = "has volumes of other sizes";
    if (problem) throw new TransferError("protocol", `the peer ${problem}`);
    this.#peerLife ??= life;
    if (life !== this.#peerLife) throw new TransferError("peer-lost", "the peer was restarted");
    this.#agree(mark);
    if (!own.held && Array.isArray(held)) this.#held = held.slice(0, VOLUMES_MAX);
    this.#hello.resolve();
    if (this.#end) this.#end.repeat();
    // What the peer says next must find somebody.
    else this.#control?.listen();
  }

  /** Connections may break before the first `hello` has come; both must take the keys of the same. */
  #agree(mark: unknown): void {
    if (this.#settled) return;
    if (this.#options.listens) {
      this.#settled = this.#control;
      this.#sayHello();
    } else {
      this.#settled = this.#controls.find((control) => markOf(control) === mark);
    }
  }

  /** Every second: progress; now and then: a word to the peer; at last: has it gone, or stopped? */
  #beat(): () => void {
    const { keepaliveMs, silenceMs, goneMs, stallMs } = this.#waits;
    let last = 0;
    let at = performance.now();
    let spokenAt = at;
    let movedAt = at;
    const beat = () => {
      const { bytesDone = 0, lossRatio = 0 } = this.#end ?? {};
      const now = performance.now();
      const rateBitsPerSecond = Math.round(((bytesDone - last) * 8000) / (now - at));
      if (bytesDone !== last) movedAt = now;
      last = bytesDone;
      at = now;
      const bytesTotal = this.#bytesTotal;
      this.#options.onProgress({ bytesTotal, bytesDone, rateBitsPerSecond, lossRatio });
      if (now - spokenAt > keepaliveMs) {
        spokenAt = now;
        this.#control?.send({ type: "ping" });
        this.#path?.sendNote(encodeProbe(ANSWER_NOTE, 0));
      }
      const silentMs = now - Math.min(this.#heardAt, this.#toldAt);
      // A caller learns it by calling.
      const closed = this.#options.listens && now - Math.max(this.#heardAt, this.#goneAt) > goneMs;
      // What is all there is still read back, as fast as the disk is.
      const proofMs = bytesDone < bytesTotal ? 0 : bytesTotal / PROOF_BYTES_PER_MS;
      const stuckMs = now - movedAt;
      const stuck = stuckMs >= stallMs + proofMs;
      if (silentMs < silenceMs && !closed && !stuck) return;
      const silent = `no word from the peer for ${(closed ? goneMs : silenceMs) / 1000} s`;
      const what = stuck ? `nothing moved for ${Math.round(stuckMs / 1000)} s` : silent;
      this.#fail(new TransferError("peer-lost", what));
    };
    const timer = setInterval(beat, BEAT_MS);
    return () => clearInterval(timer);
  }
}
