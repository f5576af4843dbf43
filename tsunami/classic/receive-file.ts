/**
 * One file from one sender: datagrams to disk, requests to the control connection. What is missing
 * and what to ask for is decided in `receiver-state.ts`.
 *
 * 1. datagrams of the sender are taken, junk is counted
 * 2. new blocks go to the output's queue; without room they are dropped, as by the network
 * 3. after each datagram and each tick: requests and reports that are due
 * 4. the last missing block, or an error: the socket closes, STOP goes out
 */

import type { RemoteInfo, Socket } from "node:dgram";
import { ClassicError } from "./classic-error.ts";
import {
  DATAGRAM_HEADER_BYTES,
  DEFAULT_HISTORY_PERCENT,
  PROGRESS_TIMEOUT_MS,
  REQUEST_BACKLOG_MAX_BYTES,
  SILENCE_TIMEOUT_MS,
  TICK_MS,
} from "./constants.ts";
import type { ControlStream } from "./control-stream.ts";
import { blockLengthBytes, readDatagramHeader } from "./datagram.ts";
import type { OutputFile } from "./output-file.ts";
import { type LossPolicy, ReceiverState } from "./receiver-state.ts";
import type { UdpPortOptions } from "./udp-port.ts";
import { encodeRequests, type FileInformation, type Parameters, RequestType } from "./wire.ts";

/** What a receiver wants, beyond the file's name. */
export interface ReceiveSettings extends Pick<UdpPortOptions, "udpPort" | "createUdp"> {
  readonly parameters: Parameters;
  readonly policy: LossPolicy;
  readonly historyPercent?: number;
  /** Where datagrams may come from, when it is not the address of the control connection. */
  readonly dataAddress?: string;
  readonly silenceTimeoutMs?: number;
  readonly progressTimeoutMs?: number;
  readonly onProgress?: (progress: ReceiveProgress) => void;
}

export interface ReceiveProgress {
  readonly bytesTotal: number;
  readonly bytesDone: number;
}

export interface ReceivedFile {
  readonly sizeBytes: number;
  readonly blockCount: number;
  /** Given up in a lossy transfer: holes of zeros. */
  readonly missingBlocks: number;
  readonly datagrams: number;
  readonly uselessDatagrams: number;
  /** Datagrams that were none of this transfer. */
  readonly junkDatagrams: number;
  readonly requestedBlocks: number;
  readonly restarts: number;
  readonly durationMs: number;
}

/** Which datagrams are the sender's. Kept from file to file. */
export interface TransferSource {
  readonly address: string;
  /** UDP port of the transfer before: late datagrams of it must not be taken for this one's. */
  lastPort: number | undefined;
}

export interface ReceiveFileOptions {
  readonly stream: ControlStream;
  readonly socket: Socket;
  readonly output: OutputFile;
  readonly file: FileInformation;
  readonly settings: ReceiveSettings;
  readonly source: TransferSource;
  readonly roundTripMs: number;
  readonly signal: AbortSignal;
}

/** @throws ClassicError when the sender goes silent, away or mad, or the disk fails. */
export async function receiveFile(options: ReceiveFileOptions): Promise<ReceivedFile> {
  const transfer = new Transfer(options);
  return await transfer.run();
}

class Transfer {
  readonly #options: ReceiveFileOptions;
  readonly #state: ReceiverState;
  readonly #startMs = performance.now();
  readonly #ended = Promise.withResolvers<void>();
  #junk = 0;
  #foreignAddress: string | undefined;
  /** The sender's UDP port, fixed by its first good datagram. */
  #port: number | undefined;
  #datagramMs = this.#startMs;
  #progressMs = this.#startMs;

  constructor(options: ReceiveFileOptions) {
    this.#options = options;
    const { file, settings, roundTripMs } = options;
    this.#state = new ReceiverState({
      blockCount: file.blockCount,
      blockSizeBytes: file.blockSizeBytes,
      rateBitsPerSecond: settings.parameters.rateBitsPerSecond,
      historyPercent: settings.historyPercent ?? DEFAULT_HISTORY_PERCENT,
      policy: settings.policy,
      roundTripMs,
      nowMs: this.#startMs,
    });
  }

  async run(): Promise<ReceivedFile> {
    const { socket, stream, source, file } = this.#options;
    socket.on("message", (bytes, from) => this.#receive(bytes, from));
    socket.on("error", (error) => this.#ended.reject(error));
    stream.onChange = () => this.#guard(() => this.#checkStream());
    const timer = setInterval(() => this.#guard(() => this.#tick()), TICK_MS);
    try {
      this.#guard(() => this.#tick());
      if (this.#state.done) this.#ended.resolve();
      await this.#ended.promise;
    } finally {
      clearInterval(timer);
      stream.onChange = undefined;
      socket.close();
      stream.write(encodeRequests([{ type: RequestType.stop, blockNumber: 0, errorRate: 0 }]));
      source.lastPort = this.#port ?? source.lastPort;
    }
    const { datagrams, uselessDatagrams, missingBlocks, requestedBlocks, restarts } = this.#state;
    const durationMs = performance.now() - this.#startMs;
    return {
      sizeBytes: file.sizeBytes,
      blockCount: file.blockCount,
      missingBlocks,
      datagrams,
      uselessDatagrams,
      junkDatagrams: this.#junk,
      requestedBlocks,
      restarts,
      durationMs,
    };
  }

  #receive(bytes: Buffer, from: RemoteInfo): void {
    const { file, output } = this.#options;
    const header = readDatagramHeader(bytes, file);
    const nowMs = performance.now();
    if (header === undefined || !this.#isSender(from, nowMs)) {
      this.#junk++;
      return;
    }
    this.#datagramMs = nowMs;
    if (this.#state.accept(header, nowMs, output.full)) {
      const lengthBytes = blockLengthBytes(header.blockNumber, file);
      const end = DATAGRAM_HEADER_BYTES + lengthBytes;
      output.push(header.blockNumber, bytes.subarray(DATAGRAM_HEADER_BYTES, end));
      this.#progressMs = nowMs;
    }
    if (this.#state.done) this.#ended.resolve();
    else this.#speak(nowMs);
  }

  #isSender(from: RemoteInfo, nowMs: number): boolean {
    const { source, settings, roundTripMs } = this.#options;
    const wanted = settings.dataAddress ?? source.address;
    if (from.address !== wanted) {
      this.#foreignAddress = from.address;
      return false;
    }
    if (this.#port === undefined) {
      const lateMs = Math.max(100, 3 * roundTripMs);
      if (from.port === source.lastPort && nowMs - this.#startMs < lateMs) return false;
      this.#port = from.port;
    }
    return from.port === this.#port;
  }

  #speak(nowMs: number): void {
    const { stream, output } = this.#options;
    // A sender that does not read: its requests are skipped, not piled up.
    if (stream.unsentBytes > REQUEST_BACKLOG_MAX_BYTES) return;
    const requests = this.#state.messages(nowMs, output.full);
    if (requests.length > 0) stream.write(encodeRequests(requests));
  }

  #tick(): void {
    const { output, settings, file, signal } = this.#options;
    if (this.#state.done) return;
    const nowMs = performance.now();
    if (signal.aborted) throw new ClassicError("stopped", "stopped on request");
    if (output.failure !== undefined) throw output.failure;
    this.#checkStream();
    this.#checkSilence(nowMs);
    this.#speak(nowMs);
    const doneBlocks = file.blockCount - this.#state.missingBlocks;
    settings.onProgress?.({
      bytesTotal: file.sizeBytes,
      bytesDone: Math.min(file.sizeBytes, doneBlocks * file.blockSizeBytes),
    });
  }

  /** The sender says nothing on the control connection while it sends. */
  #checkStream(): void {
    const { stream } = this.#options;
    if (stream.bufferedBytes > 0) {
      throw new ClassicError("protocol", "the sender spoke in mid-transfer, which it never does");
    }
    if (stream.ended && !this.#state.done) {
      throw new ClassicError("peer-lost", `the sender closed the connection ${this.#progress()}`);
    }
  }

  #checkSilence(nowMs: number): void {
    const { settings, socket } = this.#options;
    const silenceMs = settings.silenceTimeoutMs ?? SILENCE_TIMEOUT_MS;
    if (nowMs - this.#datagramMs > silenceMs && this.#state.datagrams === 0) {
      const foreign = this.#foreignAddress;
      const hint = foreign
        ? `but ${this.#junk} came from ${foreign}: if that is another address of the sender, say so with --data-from`
        : "is a firewall or NAT on our side in the way?";
      throw new ClassicError(
        "peer-unreachable",
        `no datagram came to UDP port ${socket.address().port} in ${silenceMs / 1000} s; ${hint}`,
      );
    }
    if (nowMs - this.#datagramMs > silenceMs) {
      const seconds = silenceMs / 1000;
      throw new ClassicError(
        "peer-lost",
        `the sender was silent for ${seconds} s ${this.#progress()}`,
      );
    }
    const progressMs = settings.progressTimeoutMs ?? PROGRESS_TIMEOUT_MS;
    if (nowMs - this.#progressMs > progressMs) {
      const seconds = progressMs / 1000;
      throw new ClassicError(
        "peer-lost",
        `datagrams came for ${seconds} s, but none of the ${this.#state.missingBlocks} blocks that are missing`,
      );
    }
  }

  #progress(): string {
    const { blockCount } = this.#options.file;
    return `after ${blockCount - this.#state.missingBlocks} of ${blockCount} blocks`;
  }

  #guard(check: () => void): void {
    try {
      check();
    } catch (error) {
      this.#ended.reject(error);
    }
  }
}
