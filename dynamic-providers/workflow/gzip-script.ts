/**
 * Gzip of a script with a packed program in it. The program uses 64 letters alike; one Huffman table
 * for it and for the text would spoil both. So each is a block of its own, in one member (RFC 1952).
 */

import { constants, crc32, deflateRawSync } from "node:zlib";

/** Deflate; no flags, no time; slowest; Unix. */
const HEADER = Buffer.from([0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 2, 3]);
/** With more memory a block is longer. */
const BEST = { level: 9, memLevel: 9 };

export function gzipScript(script: string): Uint8Array {
  const programAt = Math.max(script.search(/^[\w+/=]{1000,}$/m), 0);
  const trailer = Buffer.alloc(8);
  trailer.writeUInt32LE(crc32(script));
  trailer.writeUInt32LE(Buffer.byteLength(script), 4);
  return Buffer.concat([
    HEADER,
    deflateRawSync(script.slice(0, programAt), { ...BEST, finishFlush: constants.Z_SYNC_FLUSH }),
    deflateRawSync(script.slice(programAt), { ...BEST, strategy: constants.Z_HUFFMAN_ONLY }),
    trailer,
  ]);
}
