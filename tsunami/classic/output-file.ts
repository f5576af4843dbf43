/**
 * Where received blocks go. A new file is written beside its name and renamed when it is complete,
 * so that no partial file ever looks whole; a device (`/dev/null`, a block device) is written as it
 * is. Blocks queue in memory up to a limit and are written in runs.
 */

import { randomBytes } from "node:crypto";
import { constants, type Stats } from "node:fs";
import { type FileHandle, open, rename, stat, statfs, unlink } from "node:fs/promises";
import { dirname } from "node:path";
import { ClassicError } from "./classic-error.ts";
import { RING_MAX_BLOCKS, RING_MAX_BYTES } from "./constants.ts";

/** One system call writes at most this many blocks (IOV_MAX is 1024). */
const RUN_MAX_BLOCKS = 512;

interface QueuedBlock {
  readonly blockNumber: number;
  readonly data: Buffer;
}

export interface OutputFileOptions {
  readonly path: string;
  readonly sizeBytes: number;
  readonly blockSizeBytes: number;
}

export class OutputFile {
  readonly #options: OutputFileOptions;
  readonly #handle: FileHandle;
  /** `undefined` for a device. */
  readonly #partialPath: string | undefined;
  readonly #slots: number;
  readonly #queue: QueuedBlock[] = [];
  #writing: Promise<void> | undefined;
  #failure: Error | undefined;

  private constructor(
    options: OutputFileOptions,
    target: { readonly handle: FileHandle; readonly partialPath: string | undefined },
  ) {
    this.#options = options;
    this.#handle = target.handle;
    this.#partialPath = target.partialPath;
    const slots = Math.floor(RING_MAX_BYTES / options.blockSizeBytes);
    this.#slots = Math.min(RING_MAX_BLOCKS, slots);
  }

  /** @throws ClassicError `disk-io` when the place cannot be written or has not enough room. */
  static async create(options: OutputFileOptions): Promise<OutputFile> {
    const { path, sizeBytes } = options;
    try {
      const existing = await stat(path).catch(() => undefined);
      if (existing !== undefined && isDevice(existing)) {
        const handle = await open(path, constants.O_WRONLY);
        return new OutputFile(options, { handle, partialPath: undefined });
      }
      if (existing !== undefined && !existing.isFile()) throw new Error("it is no file");
      await checkRoom(path, sizeBytes);
      const partialPath = `${path}.${randomBytes(4).toString("hex")}.partial`;
      const handle = await open(partialPath, "wx");
      return new OutputFile(options, { handle, partialPath });
    } catch (error) {
      throw diskError(path, error);
    }
  }

  /** No room for another block: what comes now must be dropped, and asked for again. */
  get full(): boolean {
    return this.#queue.length >= this.#slots;
  }

  /** The first failure of a write, if any. */
  get failure(): Error | undefined {
    return this.#failure;
  }

  /** Takes ownership of `data`. */
  push(blockNumber: number, data: Buffer): void {
    this.#queue.push({ blockNumber, data });
    this.#writing ??= this.#drain();
  }

  /** All written, then in place under its name. @throws ClassicError `disk-io`. */
  async finish(): Promise<void> {
    const { path, sizeBytes } = this.#options;
    await this.#writing;
    try {
      if (this.#failure !== undefined) throw this.#failure;
      if (this.#partialPath !== undefined) {
        // Blocks given up at the end of the file must not make it shorter.
        await this.#handle.truncate(sizeBytes);
        await this.#handle.datasync();
      }
      await this.#handle.close();
      if (this.#partialPath !== undefined) await rename(this.#partialPath, path);
    } catch (error) {
      await this.discard();
      throw diskError(path, error);
    }
  }

  /** Leaves nothing behind (of a device: whatever was written). */
  async discard(): Promise<void> {
    this.#queue.length = 0;
    await this.#writing;
    await this.#handle.close().catch(() => {});
    if (this.#partialPath !== undefined) await unlink(this.#partialPath).catch(() => {});
  }

  async #drain(): Promise<void> {
    try {
      while (this.#queue.length > 0 && this.#failure === undefined) await this.#writeRun();
    } catch (error) {
      this.#failure = diskError(this.#options.path, error);
    }
    this.#writing = undefined;
  }

  /** Writes the blocks at the head of the queue that follow one another. */
  async #writeRun(): Promise<void> {
    const first = this.#queue[0]?.blockNumber ?? 1;
    let length = 1;
    while (length < RUN_MAX_BLOCKS && this.#queue[length]?.blockNumber === first + length) length++;
    let position = (first - 1) * this.#options.blockSizeBytes;
    // The blocks stay in the queue, and count as used slots, until they are written.
    let buffers = this.#queue.slice(0, length).map(({ data }) => data);
    while (buffers.length > 0) {
      const { bytesWritten } = await this.#handle.writev(buffers, position);
      if (bytesWritten === 0) throw new Error("the disk takes no more");
      position += bytesWritten;
      buffers = skipBytes(buffers, bytesWritten);
    }
    this.#queue.splice(0, length);
  }
}

/** What is left to write after a write that may have stopped anywhere. */
function skipBytes(buffers: readonly Buffer[], count: number): Buffer[] {
  const left: Buffer[] = [];
  let skip = count;
  for (const buffer of buffers) {
    if (skip < buffer.length) left.push(skip > 0 ? buffer.subarray(skip) : buffer);
    skip = Math.max(0, skip - buffer.length);
  }
  return left;
}

function isDevice(status: Stats): boolean {
  return status.isCharacterDevice() || status.isBlockDevice();
}

async function checkRoom(path: string, sizeBytes: number): Promise<void> {
  const { bavail, bsize } = await statfs(dirname(path));
  const freeBytes = bavail * bsize;
  if (sizeBytes > freeBytes) {
    throw new Error(`it needs ${sizeBytes} bytes, there is room for ${freeBytes}`);
  }
}

function diskError(path: string, error: unknown): ClassicError {
  if (error instanceof ClassicError) return error;
  const reason = error instanceof Error ? error.message : String(error);
  return new ClassicError("disk-io", `${path} cannot be written: ${reason}`, { cause: error });
}
