/**
 * Blocks of an open file for the sender's loop, which must not wait for a disk: chunks of many
 * blocks are read ahead and the last ones kept, since requests ask for what was sent lately.
 */

import type { FileHandle } from "node:fs/promises";
import { ClassicError } from "./classic-error.ts";
import { blockLengthBytes } from "./datagram.ts";

const CHUNK_BYTES = 256 * 1024;
/** Read ahead, then kept: 16 MiB a transfer, half a second at the default rate is more than that. */
const CHUNKS_KEPT = 64;
const CHUNKS_AHEAD = 4;

export interface BlockSourceOptions {
  readonly handle: FileHandle;
  readonly path: string;
  readonly sizeBytes: number;
  readonly blockSizeBytes: number;
}

export class BlockSource {
  readonly #options: BlockSourceOptions;
  readonly #blocksPerChunk: number;
  readonly #chunkCount: number;
  /** In order of reading: the first is the one to drop. */
  readonly #chunks = new Map<number, Buffer>();
  readonly #loading = new Map<number, Promise<void>>();
  #sequentialChunk = -1;

  constructor(options: BlockSourceOptions) {
    this.#options = options;
    this.#blocksPerChunk = Math.max(1, Math.floor(CHUNK_BYTES / options.blockSizeBytes));
    this.#chunkCount = Math.ceil(options.sizeBytes / this.#chunkBytes);
  }

  get #chunkBytes(): number {
    return this.#blocksPerChunk * this.#options.blockSizeBytes;
  }

  /** Copies a block, padded with zeros to the block size. @returns False when it must be loaded first. */
  copy(blockNumber: number, target: Buffer, targetOffset: number): boolean {
    const { blockSizeBytes } = this.#options;
    if (blockNumber === 0) {
      target.fill(0, targetOffset, targetOffset + blockSizeBytes);
      return true;
    }
    const index = Math.floor((blockNumber - 1) / this.#blocksPerChunk);
    const chunk = this.#chunks.get(index);
    if (chunk === undefined) return false;
    const start = ((blockNumber - 1) % this.#blocksPerChunk) * blockSizeBytes;
    const length = blockLengthBytes(blockNumber, this.#options);
    chunk.copy(target, targetOffset, start, start + length);
    target.fill(0, targetOffset + length, targetOffset + blockSizeBytes);
    return true;
  }

  /** Reads the chunk of a block. @throws ClassicError `disk-io`, also when the file has become shorter. */
  async load(blockNumber: number): Promise<void> {
    await this.#loadChunk(Math.floor((blockNumber - 1) / this.#blocksPerChunk));
  }

  /** Tells where the sequence is, so that the next chunks are read before they are wanted. */
  readAhead(blockNumber: number): void {
    const index = Math.floor((blockNumber - 1) / this.#blocksPerChunk);
    if (index === this.#sequentialChunk) return;
    this.#sequentialChunk = index;
    const last = Math.min(index + CHUNKS_AHEAD, this.#chunkCount - 1);
    for (let ahead = index + 1; ahead <= last; ahead++) {
      // A failure shows when the block itself is loaded.
      this.#loadChunk(ahead).catch(() => {});
    }
  }

  async #loadChunk(index: number): Promise<void> {
    if (this.#chunks.has(index)) return;
    let loading = this.#loading.get(index);
    if (loading === undefined) {
      loading = this.#readChunk(index).finally(() => this.#loading.delete(index));
      this.#loading.set(index, loading);
    }
    await loading;
  }

  async #readChunk(index: number): Promise<void> {
    const { handle, path, sizeBytes } = this.#options;
    const position = index * this.#chunkBytes;
    const chunk = Buffer.allocUnsafe(Math.min(this.#chunkBytes, sizeBytes - position));
    let filled = 0;
    while (filled < chunk.length) {
      const { bytesRead } = await handle
        .read(chunk, filled, chunk.length - filled, position + filled)
        .catch((cause: unknown) => {
          throw new ClassicError("disk-io", `${path} cannot be read at ${position}`, { cause });
        });
      if (bytesRead === 0) {
        throw new ClassicError("disk-io", `${path} has become shorter than ${sizeBytes} bytes`);
      }
      filled += bytesRead;
    }
    this.#chunks.set(index, chunk);
    for (const oldest of this.#chunks.keys()) {
      if (this.#chunks.size <= CHUNKS_KEPT) break;
      this.#chunks.delete(oldest);
    }
  }
}
