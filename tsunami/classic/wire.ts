/**
 * The control channel, byte by byte: what goes over TCP. All integers are big-endian and unsigned.
 * Functions of bytes only; what is not as it must be throws `ClassicError` `protocol`.
 *
 *   both      4      revision
 *   sender    64     challenge
 *   receiver  16     MD5 of challenge XOR secret repeated
 *   sender    1      result
 *   receiver  n + LF file name                  } for each file
 *   sender    1      result                     }
 *   receiver  20     parameters                 }
 *   sender    20     file information           }
 *   receiver  2      UDP port                   }
 *   receiver  12 …   requests, the last a STOP  }
 */

import { createHash } from "node:crypto";
import { ClassicError } from "./classic-error.ts";
import {
  BLOCK_COUNT_MAX,
  BLOCK_SIZE_MAX_BYTES,
  DEFAULT_BLOCK_SIZE_BYTES,
  DEFAULT_ERROR_THRESHOLD,
  DEFAULT_RATE_BITS_PER_SECOND,
  NAME_MAX_BYTES,
  REVISION,
} from "./constants.ts";

export const REVISION_BYTES = 4;
export const CHALLENGE_BYTES = 64;
export const PROOF_BYTES = 16;
export const PARAMETERS_BYTES = 20;
export const FILE_INFORMATION_BYTES = 20;
export const PORT_BYTES = 2;
export const REQUEST_BYTES = 12;
/** A decimal number in the answer to `*`, padded with NUL. */
export const PADDED_NUMBER_BYTES = 10;

/** Result bytes. A receiver takes anything but zero as a refusal. */
export const Result = { accepted: 0, wrongSecret: 1, unavailable: 8 } as const;

/** Names that are no files. */
export const ALL_FILES = "*";
export const LISTING = "!#DIR??";
/** What a receiver of `*` says after the sizes and after the names; nobody checks it. */
export const GOT_SIZE = Buffer.from("got size", "latin1");
export const GOT_LIST = Buffer.from("got list", "latin1");

/** What a receiver wants of one transfer. */
export interface Parameters {
  readonly blockSizeBytes: number;
  /** Bits of file a second; headers are not counted. */
  readonly rateBitsPerSecond: number;
  /** Percent × 1000. */
  readonly errorThreshold: number;
  /** Factor of the gap on a report above the threshold. */
  readonly slower: Fraction;
  /** Factor of the gap on any other report. */
  readonly faster: Fraction;
}

/** Two 16-bit numbers. */
export interface Fraction {
  readonly numerator: number;
  readonly denominator: number;
}

export const DEFAULT_PARAMETERS: Parameters = {
  blockSizeBytes: DEFAULT_BLOCK_SIZE_BYTES,
  rateBitsPerSecond: DEFAULT_RATE_BITS_PER_SECOND,
  errorThreshold: DEFAULT_ERROR_THRESHOLD,
  slower: { numerator: 25, denominator: 24 },
  faster: { numerator: 5, denominator: 6 },
};

/** What a sender answers. */
export interface FileInformation {
  readonly sizeBytes: number;
  readonly blockSizeBytes: number;
  readonly blockCount: number;
  /** The sender's Unix time in seconds; nobody needs it. */
  readonly epochSeconds: number;
}

/** Request types of a receiver while a transfer runs. */
export const RequestType = { retransmit: 0, restart: 1, stop: 2, errorRate: 3 } as const;

/** One request; fields a type does not use are zero. An unknown type is kept, and ignored later. */
export interface Request {
  readonly type: number;
  readonly blockNumber: number;
  /** Percent × 1000. */
  readonly errorRate: number;
}

export function encodeRevision(): Buffer {
  const bytes = Buffer.alloc(REVISION_BYTES);
  bytes.writeUInt32BE(REVISION);
  return bytes;
}

/** How a caller begins that speaks TLS, as our sealed mode does. */
const TLS_HANDSHAKE = 0x1603;

/** @throws ClassicError `peer-refused` when the peer speaks another revision. */
export function checkRevision(bytes: Buffer): void {
  const revision = bytes.readUInt32BE();
  if (revision === REVISION) return;
  if (revision >>> 16 === TLS_HANDSHAKE) {
    throw new ClassicError("peer-refused", "the peer came with --sealed, and we are without");
  }
  throw new ClassicError(
    "peer-refused",
    `the peer speaks revision 0x${revision.toString(16).padStart(8, "0")}, not 0x${REVISION.toString(16)}: it is no Tsunami program, or an older one`,
  );
}

/** MD5 over the challenge, XORed with the secret written again and again. */
export function proveSecret(challenge: Uint8Array, secret: Uint8Array): Buffer {
  if (secret.length === 0) throw new ClassicError("protocol", "the shared secret is empty");
  const mixed = challenge.map((byte, index) => byte ^ (secret[index % secret.length] ?? 0));
  return createHash("md5").update(mixed).digest();
}

/** @throws ClassicError `protocol` for a name that the wire cannot carry. */
export function encodeName(name: string): Buffer {
  const bytes = Buffer.from(`${name}\n`, "utf8");
  if (bytes.length === 1 || bytes.length - 1 > NAME_MAX_BYTES || /[\0\n]/.test(name)) {
    throw new ClassicError(
      "protocol",
      `${JSON.stringify(name)} cannot be asked for: a name has 1 to ${NAME_MAX_BYTES} bytes, none of them a line end or NUL`,
    );
  }
  return bytes;
}

export function encodeParameters(parameters: Parameters): Buffer {
  const bytes = Buffer.alloc(PARAMETERS_BYTES);
  bytes.writeUInt32BE(parameters.blockSizeBytes, 0);
  bytes.writeUInt32BE(parameters.rateBitsPerSecond, 4);
  bytes.writeUInt32BE(parameters.errorThreshold, 8);
  bytes.writeUInt16BE(parameters.slower.numerator, 12);
  bytes.writeUInt16BE(parameters.slower.denominator, 14);
  bytes.writeUInt16BE(parameters.faster.numerator, 16);
  bytes.writeUInt16BE(parameters.faster.denominator, 18);
  return bytes;
}

/** @throws ClassicError `protocol` for what made the original divide by zero or overrun a buffer. */
export function decodeParameters(bytes: Buffer): Parameters {
  const parameters: Parameters = {
    blockSizeBytes: bytes.readUInt32BE(0),
    rateBitsPerSecond: bytes.readUInt32BE(4),
    errorThreshold: bytes.readUInt32BE(8),
    slower: { numerator: bytes.readUInt16BE(12), denominator: bytes.readUInt16BE(14) },
    faster: { numerator: bytes.readUInt16BE(16), denominator: bytes.readUInt16BE(18) },
  };
  const { blockSizeBytes, rateBitsPerSecond, slower, faster } = parameters;
  if (blockSizeBytes < 1 || blockSizeBytes > BLOCK_SIZE_MAX_BYTES) {
    throw new ClassicError("protocol", `block size ${blockSizeBytes} is not 1 to 65501 bytes`);
  }
  if (rateBitsPerSecond === 0) throw new ClassicError("protocol", "a rate of 0 bit/s");
  if (slower.denominator === 0 || faster.denominator === 0) {
    throw new ClassicError("protocol", "a fraction with denominator 0");
  }
  return parameters;
}

/** Blocks of a file. May exceed what the wire can say; see {@link encodeFileInformation}. */
export function countBlocks(sizeBytes: number, blockSizeBytes: number): number {
  return Math.ceil(sizeBytes / blockSizeBytes);
}

/** @throws ClassicError `protocol` when the file needs more blocks than 32 bits can count. */
export function encodeFileInformation(information: FileInformation): Buffer {
  const { sizeBytes, blockSizeBytes, blockCount, epochSeconds } = information;
  if (blockCount > BLOCK_COUNT_MAX) {
    throw new ClassicError(
      "protocol",
      `${sizeBytes} bytes are more than 2³²−2 blocks of ${blockSizeBytes} bytes: ask for larger blocks`,
    );
  }
  const bytes = Buffer.alloc(FILE_INFORMATION_BYTES);
  bytes.writeBigUInt64BE(BigInt(sizeBytes), 0);
  bytes.writeUInt32BE(blockSizeBytes, 8);
  bytes.writeUInt32BE(blockCount, 12);
  bytes.writeUInt32BE(epochSeconds % 2 ** 32, 16);
  return bytes;
}

/**
 * @param askedBlockSizeBytes - What the receiver's parameters said; the sender must repeat it.
 * @throws ClassicError `protocol` when size, block size and count do not agree.
 */
export function decodeFileInformation(bytes: Buffer, askedBlockSizeBytes: number): FileInformation {
  const size = bytes.readBigUInt64BE(0);
  const information: FileInformation = {
    sizeBytes: Number(size),
    blockSizeBytes: bytes.readUInt32BE(8),
    blockCount: bytes.readUInt32BE(12),
    epochSeconds: bytes.readUInt32BE(16),
  };
  const { sizeBytes, blockSizeBytes, blockCount } = information;
  if (blockSizeBytes !== askedBlockSizeBytes) {
    throw new ClassicError(
      "protocol",
      `the sender wants blocks of ${blockSizeBytes} bytes, we asked for ${askedBlockSizeBytes}`,
    );
  }
  const largest = BigInt(BLOCK_COUNT_MAX) * BigInt(blockSizeBytes);
  if (size > largest || countBlocks(sizeBytes, blockSizeBytes) !== blockCount) {
    throw new ClassicError(
      "protocol",
      `the sender announces ${size} bytes in ${blockCount} blocks of ${blockSizeBytes}: that does not agree (a file beyond 2³²−2 blocks needs a larger block size)`,
    );
  }
  return information;
}

export function encodePort(port: number): Buffer {
  const bytes = Buffer.alloc(PORT_BYTES);
  bytes.writeUInt16BE(port);
  return bytes;
}

/** @throws ClassicError `protocol` for port 0. */
export function decodePort(bytes: Buffer): number {
  const port = bytes.readUInt16BE(0);
  if (port === 0) throw new ClassicError("protocol", "UDP port 0");
  return port;
}

export function encodeRequests(requests: readonly Request[]): Buffer {
  const bytes = Buffer.alloc(requests.length * REQUEST_BYTES);
  let offset = 0;
  for (const request of requests) {
    bytes.writeUInt16BE(request.type, offset);
    bytes.writeUInt32BE(request.blockNumber, offset + 4);
    bytes.writeUInt32BE(request.errorRate, offset + 8);
    offset += REQUEST_BYTES;
  }
  return bytes;
}

/** Bytes 2 and 3 are the original's structure padding: whatever its stack held. */
export function decodeRequest(bytes: Buffer): Request {
  return {
    type: bytes.readUInt16BE(0),
    blockNumber: bytes.readUInt32BE(4),
    errorRate: bytes.readUInt32BE(8),
  };
}

/** Decimal digits padded with NUL to 10 bytes, as in the answer to `*`. */
export function encodePaddedNumber(value: number): Buffer {
  const bytes = Buffer.alloc(PADDED_NUMBER_BYTES);
  bytes.write(String(value), "latin1");
  return bytes;
}

/** @throws ClassicError `protocol` unless the bytes are digits followed by nothing but NUL. */
export function decodeNumber(bytes: Buffer, what: string): number {
  const match = /^(\d{1,20})\0*$/.exec(bytes.toString("latin1"));
  const value = Number(match?.[1] ?? Number.NaN);
  if (!Number.isSafeInteger(value)) {
    throw new ClassicError("protocol", `${what} is not a number that we can believe`);
  }
  return value;
}
