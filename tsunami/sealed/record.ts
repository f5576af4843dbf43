/**
 * A record: the piece of the stream that is compressed and sealed as a whole. It covers the bytes
 * `start` to `end` of one volume, carries those that are not zero, and so says of every byte what
 * it is. Sealed: AES-128-GCM, nonce = record number (12 bytes, big-endian), no AAD, tag at the end.
 *
 *    0  u8   codec: 0 raw, 1 zstd, 2 keep (the receiver has it already: no extents, no data)
 *    1  u8   number of extents, 0 to 64
 *    2  u16  volume index
 *    4  u64  start
 *   12  u64  end
 *   20  per extent: u48 offset from start, u32 length; rising, not overlapping
 *   ..  data of all extents, one after another (one zstd frame of it when the codec says so)
 */

import { type Cipheriv, createCipheriv, createDecipheriv, type Decipheriv } from "node:crypto";
import { constants, zstdCompressSync, zstdDecompressSync } from "node:zlib";
import { freeBuffer, freeMemory } from "../sockets/free-buffer.ts";
import { recordKey } from "./keys.ts";
import { EXTENTS_MAX, RECORD_BYTES, SEALED_BYTES_MAX } from "./limits.ts";

const HEADER_BYTES = 20;
const EXTENT_BYTES = 10;
const GCM_TAG_BYTES = 16;
/** Ours. Below this gain the receiver's work is not worth it. */
const WORTH_RATIO = 0.93;
/** Ours. Compressing so much of a record tells whether the whole is worth trying. */
const SAMPLE_BYTES = 16 << 10;
/**
 * Ours. What a cipher is given at once, and so gives back as a new buffer: of memory in larger pieces
 * the kernel makes every page anew, which costs more than the cipher.
 */
const PIECE_BYTES = 64 << 10;

export interface Extent {
  /** Byte of the volume. */
  readonly offset: number;
  readonly length: number;
}

export interface Coverage {
  readonly volume: number;
  readonly start: number;
  readonly end: number;
  readonly keep: boolean;
  readonly extents: readonly Extent[];
}

function nonce(record: number): Buffer {
  const bytes = Buffer.alloc(12);
  bytes.writeUIntBE(record, 6, 6);
  return bytes;
}

/**
 * Seals a record into `target`.
 *
 * @param data - The bytes of all extents, one after another.
 * @param level - zstd level; 0 sends as it is.
 * @returns The sealed length.
 */
export function sealRecord(
  key: Uint8Array,
  record: number,
  coverage: Coverage,
  data: Buffer,
  level: number,
  target: Buffer,
): number {
  const packed = compress(data, level);
  const header = Buffer.alloc(HEADER_BYTES + coverage.extents.length * EXTENT_BYTES);
  header[0] = coverage.keep ? 2 : packed ? 1 : 0;
  header[1] = coverage.extents.length;
  header.writeUInt16BE(coverage.volume, 2);
  header.writeBigUInt64BE(BigInt(coverage.start), 4);
  header.writeBigUInt64BE(BigInt(coverage.end), 12);
  let at = HEADER_BYTES;
  for (const { offset, length } of coverage.extents) {
    header.writeUIntBE(offset - coverage.start, at, 6);
    header.writeUInt32BE(length, at + 6);
    at += EXTENT_BYTES;
  }
  const cipher = createCipheriv("aes-128-gcm", recordKey(key, record), nonce(record));
  at = run(cipher, header, target, 0);
  at = run(cipher, packed ?? data, target, at);
  cipher.final();
  if (packed) freeMemory(packed);
  return at + cipher.getAuthTag().copy(target, at);
}

/** Encrypts or decrypts into `target` from `at` on. @returns Where it ends. */
function run(cipher: Cipheriv | Decipheriv, bytes: Buffer, target: Buffer, at: number): number {
  for (let from = 0; from < bytes.length; from += PIECE_BYTES) {
    const part = cipher.update(bytes.subarray(from, from + PIECE_BYTES));
    part.copy(target, at + from);
    freeBuffer(part);
  }
  return at + bytes.length;
}

function compress(data: Buffer, level: number): Buffer | undefined {
  const middle = data.length >> 1;
  const sample = level && zstd(data.subarray(middle, middle + SAMPLE_BYTES), 1);
  if (!sample) return;
  freeMemory(sample);
  return zstd(data, level);
}

/** @returns In memory of its own, or nothing when it does not pay. */
function zstd(data: Buffer, level: number): Buffer | undefined {
  const params = { [constants.ZSTD_c_compressionLevel]: level };
  const packed = zstdCompressSync(data, { params, chunkSize: SEALED_BYTES_MAX });
  if (packed.length < data.length * WORTH_RATIO) return packed;
  freeMemory(packed);
}

/**
 * Opens a sealed record and checks every length in it.
 *
 * @param plain - Where it is opened; the data may be a part of it.
 * @returns `undefined` if it is not what the sender sealed: forged or torn fragments.
 * @throws RangeError - It is the sender's, but makes no sense.
 */
export function openRecord(
  key: Uint8Array,
  record: number,
  sealed: Buffer,
  volumeSizes: readonly number[],
  plain: Buffer = Buffer.allocUnsafeSlow(SEALED_BYTES_MAX),
): { readonly coverage: Coverage; readonly data: Buffer } | undefined {
  const length = sealed.length - GCM_TAG_BYTES;
  if (length < HEADER_BYTES) return;
  const decipher = createDecipheriv("aes-128-gcm", recordKey(key, record), nonce(record));
  decipher.setAuthTag(sealed.subarray(length));
  run(decipher, sealed.subarray(0, length), plain, 0);
  try {
    decipher.final();
  } catch {
    return;
  }
  const codec = plain.readUInt8(0);
  const count = plain.readUInt8(1);
  const volume = plain.readUInt16BE(2);
  const start = Number(plain.readBigUInt64BE(4));
  const end = Number(plain.readBigUInt64BE(12));
  const size = volumeSizes[volume] ?? -1;
  let at = HEADER_BYTES;
  if (codec > 2 || count > EXTENTS_MAX || start >= end || end > size)
    throw new RangeError("header");
  let total = 0;
  let from = start;
  const extents: Extent[] = [];
  for (let index = 0; index < count; index += 1) {
    const offset = start + plain.readUIntBE(at, 6);
    const length = plain.readUInt32BE(at + 6);
    if (length < 1 || offset < from || offset + length > end) throw new RangeError("extents");
    extents.push({ offset, length });
    from = offset + length;
    total += length;
    at += EXTENT_BYTES;
  }
  if (total > RECORD_BYTES) throw new RangeError("extents");
  const rest = plain.subarray(at, length);
  const limits = { maxOutputLength: RECORD_BYTES, chunkSize: SEALED_BYTES_MAX };
  const data = codec === 1 ? zstdDecompressSync(rest, limits) : rest;
  if (data.length !== total || (codec === 2 && total)) throw new RangeError("data");
  return { coverage: { volume, start, end, keep: codec === 2, extents }, data };
}
