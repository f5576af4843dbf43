/**
 * The receiver (`tsunami`): connects to a sender, lists, and fetches one file after another on one
 * connection. The receiver's half of the control channel; the transfer is in `receive-file.ts`.
 *
 * After any error but a missing file or a full disk before the transfer the connection is closed:
 * the stream cannot be brought back into step.
 */

import { createConnection, type Socket } from "node:net";
import { ClassicError } from "./classic-error.ts";
import {
  DEFAULT_PORT,
  LIST_MAX_BYTES,
  LIST_MAX_FILES,
  NAME_MAX_BYTES,
  REPLY_TIMEOUT_MS,
} from "./constants.ts";
import { ControlStream } from "./control-stream.ts";
import { OutputFile } from "./output-file.ts";
import {
  type ReceivedFile,
  type ReceiveSettings,
  receiveFile,
  type TransferSource,
} from "./receive-file.ts";
import { bindUdp } from "./udp-port.ts";
import {
  ALL_FILES,
  CHALLENGE_BYTES,
  checkRevision,
  decodeFileInformation,
  decodeNumber,
  encodeName,
  encodeParameters,
  encodePort,
  encodeRevision,
  FILE_INFORMATION_BYTES,
  GOT_LIST,
  GOT_SIZE,
  LISTING,
  PADDED_NUMBER_BYTES,
  proveSecret,
  REVISION_BYTES,
  Result,
} from "./wire.ts";

export interface ConnectOptions {
  readonly host: string;
  /** Default 46224. */
  readonly port?: number;
  readonly secret: Uint8Array;
  readonly replyTimeoutMs?: number;
  readonly signal: AbortSignal;
}

/** One line of a listing. */
export interface ListedFile {
  readonly name: string;
  readonly sizeBytes: number;
}

export class ClassicReceiver {
  /** Time to connect: one round trip. */
  readonly roundTripMs: number;
  readonly #stream: ControlStream;
  readonly #source: TransferSource;
  readonly #options: ConnectOptions;

  private constructor(
    options: ConnectOptions,
    connection: { readonly socket: Socket; readonly roundTripMs: number },
  ) {
    const { socket, roundTripMs } = connection;
    this.#options = options;
    this.#stream = new ControlStream(socket);
    this.roundTripMs = roundTripMs;
    const address = (socket.remoteAddress ?? "").replace(/^::ffff:/, "");
    this.#source = { address, lastPort: undefined };
    options.signal.addEventListener("abort", () => this.#stream.destroy(), { once: true });
  }

  /** @throws ClassicError `peer-unreachable`, `peer-refused` (wrong secret), `peer-lost`, `stopped`. */
  static async connect(options: ConnectOptions): Promise<ClassicReceiver> {
    const receiver = new ClassicReceiver(options, await connectTcp(options));
    return await receiver.#guard(async () => {
      await receiver.#authenticate();
      return receiver;
    });
  }

  /** Names and sizes, as they were when the sender started. */
  async list(): Promise<ListedFile[]> {
    return await this.#guard(async () => {
      this.#stream.write(encodeName(LISTING));
      const first = await this.#read(1, "its listing");
      if (first[0] === Result.unavailable) {
        throw new ClassicError("file-missing", "the sender is too old to list its files");
      }
      const digits = await this.#readText("the number of its files", 20);
      const count = decodeNumber(Buffer.concat([first, digits]), "the number of files");
      const budget = new ListBudget(count);
      const files: ListedFile[] = [];
      for (let index = 0; index < count; index++) {
        const name = await this.#readText("a file name", NAME_MAX_BYTES);
        const size = await this.#readText("a file size", 20);
        budget.spend(name.length + size.length);
        files.push({ name: name.toString("utf8"), sizeBytes: decodeNumber(size, "a file size") });
      }
      this.#stream.write(Uint8Array.of(0));
      return files;
    });
  }

  /** Names of all files that the sender was told to serve. Empty: the connection is of no more use. */
  async listAll(): Promise<string[]> {
    return await this.#guard(async () => {
      this.#stream.write(encodeName(ALL_FILES));
      const first = await this.#read(1, "its list of files");
      if (first[0] === Result.unavailable) return [];
      const rest = await this.#read(2 * PADDED_NUMBER_BYTES - 1, "its list of files");
      const sizes = Buffer.concat([first, rest]);
      const bytes = decodeNumber(sizes.subarray(0, PADDED_NUMBER_BYTES), "the list's length");
      const count = decodeNumber(sizes.subarray(PADDED_NUMBER_BYTES), "the number of files");
      const budget = new ListBudget(count);
      this.#stream.write(GOT_SIZE);
      const names: string[] = [];
      let spent = 0;
      for (let index = 0; index < count; index++) {
        const name = await this.#readText("a file name", NAME_MAX_BYTES);
        budget.spend(name.length + 1);
        spent += name.length + 1;
        names.push(name.toString("utf8"));
      }
      if (spent !== bytes) {
        throw new ClassicError("protocol", `a list of ${bytes} bytes turned out as ${spent}`);
      }
      this.#stream.write(GOT_LIST);
      return names;
    });
  }

  /**
   * Fetches one file.
   *
   * @throws ClassicError `file-missing` (the connection stays good), `disk-io`, `peer-lost`,
   * `peer-unreachable`, `protocol`, `stopped`.
   */
  async get(name: string, path: string, settings: ReceiveSettings): Promise<ReceivedFile> {
    const request = encodeName(name);
    const { blockSizeBytes } = settings.parameters;
    const file = await this.#guard(async () => {
      this.#stream.write(request);
      const [result] = await this.#read(1, "an answer to the file name");
      if (result !== Result.accepted) return undefined;
      this.#stream.write(encodeParameters(settings.parameters));
      const information = await this.#read(FILE_INFORMATION_BYTES, "the file's size");
      return decodeFileInformation(information, blockSizeBytes);
    });
    if (file === undefined) {
      throw new ClassicError("file-missing", `the sender has no file ${JSON.stringify(name)}`);
    }
    return await this.#guard(async () => {
      const output = await OutputFile.create({ path, sizeBytes: file.sizeBytes, blockSizeBytes });
      try {
        const socket = await bindUdp({ ...settings, peerAddress: this.#source.address });
        this.#stream.write(encodePort(socket.address().port));
        const received = await receiveFile({
          stream: this.#stream,
          socket,
          output,
          file,
          settings,
          source: this.#source,
          roundTripMs: this.roundTripMs,
          signal: this.#options.signal,
        });
        await output.finish();
        return received;
      } catch (error) {
        await output.discard();
        throw error;
      }
    });
  }

  close(): void {
    this.#stream.close();
  }

  async #authenticate(): Promise<void> {
    this.#stream.write(encodeRevision());
    checkRevision(await this.#read(REVISION_BYTES, "its revision (one with --sealed has none)"));
    const challenge = await this.#read(CHALLENGE_BYTES, "its challenge");
    this.#stream.write(proveSecret(challenge, this.#options.secret));
    const [result] = await this.#read(1, "its verdict on the secret");
    if (result === Result.accepted) return;
    throw new ClassicError("peer-refused", "the sender refused our secret: both need the same one");
  }

  async #read(lengthBytes: number, what: string): Promise<Buffer> {
    const timeoutMs = this.#options.replyTimeoutMs ?? REPLY_TIMEOUT_MS;
    return await this.#stream.read(lengthBytes, { what, timeoutMs });
  }

  async #readText(what: string, maxBytes: number): Promise<Buffer> {
    const timeoutMs = this.#options.replyTimeoutMs ?? REPLY_TIMEOUT_MS;
    return await this.#stream.readText(maxBytes, { what, timeoutMs });
  }

  /** A failure inside leaves the stream out of step: the connection goes with it. */
  async #guard<T>(act: () => Promise<T>): Promise<T> {
    try {
      return await act();
    } catch (error) {
      this.#stream.destroy();
      if (this.#options.signal.aborted) throw new ClassicError("stopped", "stopped on request");
      throw error;
    }
  }
}

/** A listing that is too long to be true. */
class ListBudget {
  #leftBytes = LIST_MAX_BYTES;

  constructor(fileCount: number) {
    if (fileCount > LIST_MAX_FILES) {
      throw new ClassicError("protocol", `the sender lists ${fileCount} files: more than we read`);
    }
  }

  spend(bytes: number): void {
    this.#leftBytes -= bytes;
    if (this.#leftBytes < 0) {
      throw new ClassicError(
        "protocol",
        `the sender's list is longer than ${LIST_MAX_BYTES} bytes`,
      );
    }
  }
}

async function connectTcp({
  host,
  port = DEFAULT_PORT,
  replyTimeoutMs = REPLY_TIMEOUT_MS,
  signal,
}: ConnectOptions): Promise<{ socket: Socket; roundTripMs: number }> {
  const startMs = performance.now();
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  const socket = createConnection({ host, port, signal });
  socket.setTimeout(replyTimeoutMs, () => {
    socket.destroy(new Error(`no answer in ${replyTimeoutMs / 1000} s`));
  });
  socket.once("connect", resolve);
  socket.once("error", reject);
  try {
    await promise;
  } catch (cause) {
    if (signal.aborted) throw new ClassicError("stopped", "stopped on request");
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new ClassicError("peer-unreachable", `${host}:${port} cannot be reached: ${reason}`, {
      cause,
    });
  }
  socket.setTimeout(0);
  socket.off("error", reject);
  return { socket, roundTripMs: performance.now() - startMs };
}
