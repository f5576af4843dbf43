/**
 * What travels over UDP. Two kinds, told apart by their first word (derived from the session's
 * keys, one value a kind and direction); anything else is junk, counted and dropped.
 *
 *   fragment of a sealed record                     note: one sealed small message
 *    0  u32  tag                                     0  u32  tag
 *    4  u32  check (keyed hash of bytes 8 to 21)     4  u16  length of the whole note
 *    8  u32  transmission number                     6  u48  counter, strictly rising
 *   12  u32  record number                          12  ..   ciphertext (AES-128-GCM)
 *   16  u12  fragment index                          -16 16   tag; bytes 0 to 11 are the AAD
 *       u20  length of the sealed record
 *   20  u16  bytes of a fragment (not the last)
 *   22  ..   bytes of the record
 *
 * Every (re)transmission has a number of its own, so a gap is a loss, also of a retransmission.
 * Both kinds say their own length: several may arrive glued together.
 */

import { createCipheriv, createDecipheriv } from "node:crypto";
import { FRAGMENTS_MAX, SEALED_BYTES_MAX } from "./limits.ts";

export const FRAGMENT_HEADER_BYTES = 22;
const NOTE_HEADER_BYTES = 12;
const GCM_TAG_BYTES = 16;

export interface Fragment {
  /** Low 32 bits of the transmission number. */
  readonly transmission: number;
  readonly record: number;
  readonly index: number;
  /** Of the whole sealed record. */
  readonly sealedBytes: number;
  /** Of every fragment of this record but the last. */
  readonly fragmentBytes: number;
}

/** Two words of the session's keys that mark its fragments. */
export interface Mark {
  readonly tag: number;
  readonly secret: number;
}

function check({ secret }: Mark, bytes: Buffer, at: number): number {
  let hash = secret;
  for (const word of [
    bytes.readUInt32BE(at + 8),
    bytes.readUInt32BE(at + 12),
    bytes.readUInt32BE(at + 16),
    bytes.readUInt16BE(at + 20),
  ]) {
    hash = Math.imul(hash ^ word, 0x9e3779b1);
    hash ^= hash >>> 15;
  }
  return hash >>> 0;
}

/** Bytes that the fragment carries. */
export function payloadBytes(fragment: Omit<Fragment, "transmission" | "record">): number {
  return Math.min(
    fragment.fragmentBytes,
    fragment.sealedBytes - fragment.index * fragment.fragmentBytes,
  );
}

/** Writes the header of a fragment at `at`; the payload follows it. */
export function writeFragmentHeader(mark: Mark, fragment: Fragment, bytes: Buffer, at: number) {
  bytes.writeUInt32BE(mark.tag, at);
  bytes.writeUInt32BE(fragment.transmission >>> 0, at + 8);
  bytes.writeUInt32BE(fragment.record, at + 12);
  bytes.writeUInt32BE(((fragment.index << 20) | fragment.sealedBytes) >>> 0, at + 16);
  bytes.writeUInt16BE(fragment.fragmentBytes, at + 20);
  bytes.writeUInt32BE(check(mark, bytes, at), at + 4);
}

/**
 * The fragment at `at`, whole and with sane lengths.
 *
 * @returns `undefined` for junk.
 */
export function readFragment(mark: Mark, bytes: Buffer, at: number): Fragment | undefined {
  if (at + FRAGMENT_HEADER_BYTES > bytes.length || bytes.readUInt32BE(at) !== mark.tag) return;
  if (bytes.readUInt32BE(at + 4) !== check(mark, bytes, at)) return;
  const packed = bytes.readUInt32BE(at + 16);
  const fragment = {
    transmission: bytes.readUInt32BE(at + 8),
    record: bytes.readUInt32BE(at + 12),
    index: packed >>> 20,
    sealedBytes: packed & 0xfffff,
    fragmentBytes: bytes.readUInt16BE(at + 20),
  };
  const payload = payloadBytes(fragment);
  if (
    payload < 1 ||
    fragment.sealedBytes > SEALED_BYTES_MAX ||
    fragment.fragmentBytes * FRAGMENTS_MAX < fragment.sealedBytes ||
    at + FRAGMENT_HEADER_BYTES + payload > bytes.length
  ) {
    return;
  }
  return fragment;
}

/** Seals or opens notes of one direction. Each note has its own counter, which is its nonce. */
export class NoteCodec {
  readonly #tag: number;
  readonly #key: Buffer;
  #counter = 0;

  /** @param secret - 16 bytes of key, 4 of the tag. */
  constructor(secret: Buffer) {
    this.#key = secret.subarray(0, 16);
    this.#tag = secret.readUInt32BE(16);
  }

  seal(body: Buffer): Buffer {
    const header = Buffer.alloc(NOTE_HEADER_BYTES);
    header.writeUInt32BE(this.#tag);
    header.writeUInt16BE(NOTE_HEADER_BYTES + body.length + GCM_TAG_BYTES, 4);
    header.writeUIntBE(++this.#counter, 6, 6);
    const cipher = createCipheriv("aes-128-gcm", this.#key, header);
    cipher.setAAD(header);
    return Buffer.concat([header, cipher.update(body), cipher.final(), cipher.getAuthTag()]);
  }

  /** Length of the note at `at` if it claims to be one of ours, else 0. */
  lengthAt(bytes: Buffer, at: number): number {
    if (at + NOTE_HEADER_BYTES + GCM_TAG_BYTES > bytes.length) return 0;
    const length = bytes.readUInt16BE(at + 4);
    if (bytes.readUInt32BE(at) !== this.#tag || at + length > bytes.length) return 0;
    return length < NOTE_HEADER_BYTES + GCM_TAG_BYTES ? 0 : length;
  }

  /** @returns `undefined` for a forged, torn, replayed or overtaken note. */
  open(note: Buffer): Buffer | undefined {
    const counter = note.readUIntBE(6, 6);
    if (counter <= this.#counter) return;
    const header = note.subarray(0, NOTE_HEADER_BYTES);
    const decipher = createDecipheriv("aes-128-gcm", this.#key, header);
    decipher.setAAD(header);
    decipher.setAuthTag(note.subarray(note.length - GCM_TAG_BYTES));
    try {
      const body = decipher.update(note.subarray(NOTE_HEADER_BYTES, note.length - GCM_TAG_BYTES));
      decipher.final();
      this.#counter = counter;
      return body;
    } catch {
      return;
    }
  }
}
