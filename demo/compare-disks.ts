/**
 * Compares two disks byte by byte and computes the digest of the first, without any code of the
 * copy: this is the demo's witness.
 */

import { createHash } from "node:crypto";
import { open } from "node:fs/promises";

/** Specification: `docs/digest.md`. */
const LEAF_BYTES = 1024 ** 2;

/** Ours: large enough that reading is not the cost. */
const READ_BYTES = 8 * LEAF_BYTES;

export interface Comparison {
  /** Position of the first byte that differs, or `undefined` when the disks are equal. */
  readonly firstDifference: number | undefined;
  /** SHA-256 over the SHA-256s of the 1 MiB leaves, 64 hex digits. */
  readonly digest: string;
}

/** @throws Error when one of them is shorter than `sizeBytes`. */
export async function compareDisks(options: {
  readonly path: string;
  readonly copyPath: string;
  readonly sizeBytes: number;
  readonly signal: AbortSignal;
}): Promise<Comparison> {
  await using disk = await open(options.path);
  await using copy = await open(options.copyPath);
  const digest = createHash("sha256");
  const zeros = Buffer.alloc(LEAF_BYTES);
  const zeroLeaf = createHash("sha256").update(zeros).digest();
  const buffers = { disk: Buffer.alloc(READ_BYTES), copy: Buffer.alloc(READ_BYTES) };
  let firstDifference: number | undefined;

  for (let offset = 0; offset < options.sizeBytes; offset += READ_BYTES) {
    options.signal.throwIfAborted();
    const length = Math.min(READ_BYTES, options.sizeBytes - offset);
    const [a, b] = await Promise.all([
      readExactly(disk, { buffer: buffers.disk, offset, length, path: options.path }),
      readExactly(copy, { buffer: buffers.copy, offset, length, path: options.copyPath }),
    ]);
    if (firstDifference === undefined && !a.equals(b)) {
      firstDifference = offset + a.findIndex((byte, i) => byte !== b[i]);
    }
    for (let start = 0; start < length; start += LEAF_BYTES) {
      const leaf = a.subarray(start, start + LEAF_BYTES);
      digest.update(leaf.equals(zeros) ? zeroLeaf : createHash("sha256").update(leaf).digest());
    }
  }
  return { firstDifference, digest: digest.digest("hex") };
}

async function readExactly(
  file: Awaited<ReturnType<typeof open>>,
  want: { buffer: Buffer; offset: number; length: number; path: string },
): Promise<Buffer> {
  let filled = 0;
  while (filled < want.length) {
    const position = want.offset + filled;
    const { bytesRead } = await file.read(want.buffer, filled, want.length - filled, position);
    if (bytesRead === 0) throw new Error(`${want.path} ends at byte ${position}`);
    filled += bytesRead;
  }
  return want.buffer.subarray(0, want.length);
}
