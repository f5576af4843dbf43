/**
 * The digest of a volume: SHA-256 over the SHA-256s of its 1 MiB leaves, in order, zero leaves
 * included, the last leaf as long as it is. Leaves can be made anywhere and joined cheaply.
 */

import { createHash, hash } from "node:crypto";
import { LEAF_BYTES } from "./limits.ts";

const ZEROS = Buffer.alloc(LEAF_BYTES);
const ZERO_LEAF = leafDigest(ZEROS);

/** SHA-256 of one leaf. */
export function leafDigest(leaf: Buffer): Buffer {
  return hash("sha256", leaf, "buffer");
}

/** True when `bytes[from..to)` are all zero; at most one leaf. */
export function isZero(bytes: Buffer, from = 0, to = bytes.length): boolean {
  return ZEROS.compare(bytes, from, to, 0, to - from) === 0;
}

/** SHA-256 of a leaf of zeros. */
export function zeroLeafDigest(lengthBytes: number): Buffer {
  return lengthBytes === LEAF_BYTES ? ZERO_LEAF : leafDigest(ZEROS.subarray(0, lengthBytes));
}

/** Joins the leaves of one volume, first to last. */
export class VolumeDigest {
  readonly #hash = createHash("sha256");

  add(leaf: Buffer): void {
    this.#hash.update(leaf);
  }

  /** 64 hex digits. The digest cannot be continued. */
  finish(): string {
    return this.#hash.digest("hex");
  }
}
