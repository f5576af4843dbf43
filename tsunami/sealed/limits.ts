/** Every number of the sealed engine, in one place: what the wire fixes first, what we chose next. */

/** Specification. Disk bytes that one record carries at most. */
export const RECORD_BYTES = 512 << 10;
/** Specification. One sealed record at most: data, its header with 64 extents, the tag. */
export const SEALED_BYTES_MAX = RECORD_BYTES + 4096;
/** Specification. Extents in one record at most. */
export const EXTENTS_MAX = 64;
/** Specification. A record number is below the lowest unconfirmed one plus this, at both ends. */
export const WINDOW_RECORDS = 160;
/** Specification. Fragments of one record at most: the field has 12 bits. */
export const FRAGMENTS_MAX = 4096;
/** Specification. The digest's leaves. */
export const LEAF_BYTES = 1 << 20;
/** Specification. Records sealed under one key: 128 GiB, far below the bounds of AES-GCM. */
export const RECORDS_PER_KEY = 1 << 18;

/** Specification. So much of a leaf's digest says that the receiver has it: a hint, never a proof. */
export const KEPT_DIGEST_BYTES = 8;

/** Ours. Smallest run of zeros worth an extent of its own. */
export const GRANULE_BYTES = 16 << 10;
/** Ours. A record ends after so many bytes of disk even if all are zero, so that progress shows. */
export const COVERAGE_BYTES_MAX = 64 << 20;
/** Ours. Leaves read ahead, or read back, at once: keeps a network disk's queue filled. */
export const LEAVES_AHEAD = 4;
/** Ours. Leaves that one word of what is there tells of: 3 KiB. */
export const HELD_LEAVES = 256;
/** Ours. Between such words. */
export const HELD_EVERY_MS = 50;
/** Ours. Leaves of which a sender remembers that the receiver has them: 1 TiB in 8 MiB. */
export const KEPT_LEAVES_MAX = 1 << 20;
/** Ours. A receiver that looks at its disk and says nothing of it for so long is not waited for. */
export const KEPT_WAIT_MS = 5_000;
/** Ours. Volumes of a session: more than EC2 attaches to one machine. */
export const VOLUMES_MAX = 128;

/** Ours. A control message is at most this long: 28 volumes need 3 KiB. */
export const CONTROL_BYTES_MAX = 256 << 10;
/** Ours. What a peer may leave unread, before its connection is taken for a dead one. */
export const CONTROL_BACKLOG_BYTES_MAX = 16 << 20;
/** Ours. Connections that may be half-open at the listener. */
export const CONNECTIONS_MAX = 8;

/** Ours. UDP payloads tried for data, largest first: jumbo, VPC peering, internet, tunnels, IPv6's least. */
export const DATAGRAM_BYTES = [8972, 8472, 1472, 1392, 1232] as const;
/** Ours. IPv4 and UDP headers, counted by the rate, so that it is the rate of the link. */
export const HEADER_BYTES = 28;

/** Times a session waits, in milliseconds. Tests shorten them. */
export interface Waits {
  /** Until the peer has proved itself on the control channel. */
  readonly connectMs: number;
  /** For one handshake. */
  readonly handshakeMs: number;
  /** For a new control connection when one broke. A path that is dead breaks none. */
  readonly againMs: number;
  /** Of both paths, when the control connection was closed: only a process that ended is so silent. */
  readonly goneMs: number;
  /** For somebody to listen again where the peer did: a port that refuses calls is nobody's. */
  readonly refusedMs: number;
  /** Without any word from the peer on one of the two paths: a path may be dead for a minute. */
  readonly silenceMs: number;
  /** Without anything confirmed, though the peer speaks; a proof may take {@link PROOF_BYTES_PER_MS}. */
  readonly stallMs: number;
  /** Between words on an idle path. NATs and security groups forget after 350 s at the least. */
  readonly keepaliveMs: number;
}

export const WAITS: Waits = {
  connectMs: 120_000,
  handshakeMs: 10_000,
  againMs: 30_000,
  goneMs: 6_000,
  refusedMs: 2_000,
  silenceMs: 100_000,
  stallMs: 600_000,
  keepaliveMs: 5_000,
};

/** Ours. A slower disk than this reads back nothing worth waiting for: 16 MB/s, both ends at it. */
export const PROOF_BYTES_PER_MS = 16 << 10;

/** Ours. A report at least this often while data comes. */
export const REPORT_MS = 10;
/** Ours. The clock of the sender's pacing. */
export const TICK_MS = 1;
