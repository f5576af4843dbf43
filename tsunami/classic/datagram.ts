/**
 * The data channel: one block of the file in a UDP datagram.
 *
 *   0  u32  block number, 1-based (0 only for an empty file)
 *   4  u16  type: O, R or X
 *   6  …    block size bytes; behind the end of the file they mean nothing
 */

import { DATAGRAM_HEADER_BYTES } from "./constants.ts";

/** Why a block was sent. */
export const BlockType = {
  /** In the normal sequence. */
  original: 0x4f,
  /** As the answer to a RETRANSMIT. */
  retransmitted: 0x52,
  /** The last block in the normal sequence; repeated until the receiver says STOP. */
  last: 0x58,
} as const;
export type BlockType = (typeof BlockType)[keyof typeof BlockType];

export interface DatagramHeader {
  readonly blockNumber: number;
  readonly blockType: BlockType;
}

export function writeDatagramHeader(bytes: Buffer, offset: number, header: DatagramHeader): void {
  bytes.writeUInt32BE(header.blockNumber, offset);
  bytes.writeUInt16BE(header.blockType, offset + 4);
}

/**
 * @returns `undefined` for anything that cannot be a block of this transfer: junk is counted, not
 * thrown.
 */
export function readDatagramHeader(
  bytes: Buffer,
  file: { readonly blockSizeBytes: number; readonly blockCount: number },
): DatagramHeader | undefined {
  if (bytes.length !== DATAGRAM_HEADER_BYTES + file.blockSizeBytes) return undefined;
  const blockNumber = bytes.readUInt32BE(0);
  if (blockNumber > file.blockCount || (blockNumber === 0 && file.blockCount > 0)) return undefined;
  const blockType = bytes.readUInt16BE(4);
  switch (blockType) {
    case BlockType.original:
    case BlockType.retransmitted:
    case BlockType.last:
      return { blockNumber, blockType };
    default:
      return undefined;
  }
}

/** Bytes of the file that a block holds; the last one may hold fewer than the others. */
export function blockLengthBytes(
  blockNumber: number,
  file: { readonly blockSizeBytes: number; readonly sizeBytes: number },
): number {
  const offsetBytes = (blockNumber - 1) * file.blockSizeBytes;
  return Math.min(file.blockSizeBytes, file.sizeBytes - offsetBytes);
}
