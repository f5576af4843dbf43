/**
 * The control connection as a stream of bytes to be asked for: so many bytes, up to a terminator, or
 * whatever whole requests have come. Every wait has a limit and says what it was waiting for; unread
 * bytes are bounded, so that a peer that floods is held back by TCP.
 */

import type { Socket } from "node:net";
import { ClassicError } from "./classic-error.ts";
import { ANSWERS_MAX_BYTES, CONTROL_BUFFER_MAX_BYTES } from "./constants.ts";

/** What a read waits for, and for how long. */
export interface ReadOptions {
  /** In a sentence: "the peer closed the connection instead of sending <what>". */
  readonly what: string;
  readonly timeoutMs: number;
}

const LINE_END = 0x0a;
const NOTHING: Buffer = Buffer.alloc(0);
/** Ours. Longer than any round trip; nothing is lost when a peer is cut off then. */
const LINGER_MS = 5000;

export class ControlStream {
  /** Called whenever bytes or the end have come. */
  onChange: (() => void) | undefined;
  readonly #socket: Socket;
  #buffer: Buffer = Buffer.alloc(0);
  #ended = false;
  #failure: Error | undefined;
  #wake: (() => void) | undefined;

  constructor(socket: Socket) {
    this.#socket = socket;
    socket.setNoDelay(true);
    socket.on("data", (chunk: Buffer) => {
      this.#buffer = this.#buffer.length === 0 ? chunk : Buffer.concat([this.#buffer, chunk]);
      if (this.#buffer.length >= CONTROL_BUFFER_MAX_BYTES) socket.pause();
      this.#changed();
    });
    socket.on("end", () => this.#finish());
    socket.on("close", () => this.#finish());
    socket.on("error", (error) => {
      this.#failure ??= error;
      this.#finish();
    });
  }

  /** The peer has closed, or the connection broke. Bytes that came before can still be read. */
  get ended(): boolean {
    return this.#ended;
  }

  get bufferedBytes(): number {
    return this.#buffer.length;
  }

  /** Bytes written that the kernel has not taken yet. */
  get unsentBytes(): number {
    return this.#socket.writableLength;
  }

  write(bytes: Uint8Array): void {
    if (!this.#socket.destroyed) this.#socket.write(bytes);
  }

  /** Sends what was written, then closes. */
  close(): void {
    this.#socket.end();
    // Reads on, so that the peer's own close is seen; a peer that never closes is left after a while.
    this.#socket.resume();
    this.#socket.setTimeout(LINGER_MS, () => this.#socket.destroy());
  }

  destroy(): void {
    this.#socket.destroy();
  }

  /** @throws ClassicError `peer-lost` when the peer closes or the time is over first. */
  async read(lengthBytes: number, options: ReadOptions): Promise<Buffer> {
    return await this.#wait(() => this.#take(lengthBytes), options);
  }

  /**
   * Bytes up to a LF or NUL, without it.
   *
   * @throws ClassicError `protocol` when there is none within `maxBytes`, `peer-lost` as `read`.
   */
  async readName(maxBytes: number, options: ReadOptions): Promise<Buffer> {
    return await this.#readUntil((byte) => byte === LINE_END || byte === 0, {
      maxBytes,
      ...options,
    });
  }

  /** Bytes up to a NUL, without it. Errors as in {@link readName}. */
  async readText(maxBytes: number, options: ReadOptions): Promise<Buffer> {
    return await this.#readUntil((byte) => byte === 0, { maxBytes, ...options });
  }

  async #readUntil(
    isEnd: (byte: number) => boolean,
    { maxBytes, ...options }: ReadOptions & { readonly maxBytes: number },
  ): Promise<Buffer> {
    return await this.#wait(() => {
      const end = this.#buffer.findIndex(isEnd);
      if (end > maxBytes || (end < 0 && this.#buffer.length > maxBytes)) {
        throw new ClassicError("protocol", `${options.what} is longer than ${maxBytes} bytes`);
      }
      return end < 0 ? undefined : this.#take(end + 1)?.subarray(0, end);
    }, options);
  }

  /** Waits while too much that was written is unread. @throws ClassicError `peer-lost` as `read`. */
  async drain(options: ReadOptions): Promise<void> {
    if (this.unsentBytes <= ANSWERS_MAX_BYTES) return;
    const wake = (): void => this.#changed();
    this.#socket.on("drain", wake);
    try {
      await this.#wait(
        () => (this.unsentBytes <= ANSWERS_MAX_BYTES ? NOTHING : undefined),
        options,
      );
    } finally {
      this.#socket.off("drain", wake);
    }
  }

  /** @returns The next bytes if so many are here, else `undefined`. */
  take(lengthBytes: number): Buffer | undefined {
    return this.#take(lengthBytes);
  }

  #take(lengthBytes: number): Buffer | undefined {
    if (this.#buffer.length < lengthBytes) return undefined;
    const bytes = this.#buffer.subarray(0, lengthBytes);
    this.#buffer = this.#buffer.subarray(lengthBytes);
    if (this.#buffer.length < CONTROL_BUFFER_MAX_BYTES && this.#socket.isPaused()) {
      this.#socket.resume();
    }
    return bytes;
  }

  async #wait(attempt: () => Buffer | undefined, options: ReadOptions): Promise<Buffer> {
    const deadline = performance.now() + options.timeoutMs;
    for (;;) {
      const bytes = attempt();
      if (bytes !== undefined) return bytes;
      if (this.#ended) {
        throw new ClassicError(
          "peer-lost",
          `the peer closed the connection instead of sending ${options.what}`,
          { cause: this.#failure },
        );
      }
      const leftMs = deadline - performance.now();
      if (leftMs <= 0) {
        const seconds = options.timeoutMs / 1000;
        throw new ClassicError(
          "peer-lost",
          `the peer did not send ${options.what} in ${seconds} s`,
        );
      }
      await this.#changeOrTimeout(leftMs);
    }
  }

  async #changeOrTimeout(timeoutMs: number): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    const timer = setTimeout(resolve, timeoutMs);
    this.#wake = resolve;
    await promise;
    this.#wake = undefined;
    clearTimeout(timer);
  }

  #finish(): void {
    if (this.#ended) return;
    this.#ended = true;
    this.#changed();
  }

  #changed(): void {
    this.#wake?.();
    this.onChange?.();
  }
}
