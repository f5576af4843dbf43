/**
 * Every number of the classic revision in one place. *Specification* numbers are what the original
 * programs put on the wire or compute with; *ours* are limits that the original lacks.
 */

/** Specification. First four bytes each side writes. */
export const REVISION = 0x2006_1025;
/** Specification. TCP port of the sender; also the first UDP port a receiver tries. */
export const DEFAULT_PORT = 46224;
/** Specification. The secret both original programs ship with: known to everybody. */
export const DEFAULT_SECRET = "kitten";
/** Specification. Bytes of file in a datagram, unless the receiver asks otherwise. */
export const DEFAULT_BLOCK_SIZE_BYTES = 1024;
/** Specification. File bits a second that a receiver asks for, unless told otherwise. */
export const DEFAULT_RATE_BITS_PER_SECOND = 650_000_000;
/** Specification. Error threshold, percent × 1000: above it a sender slows down. */
export const DEFAULT_ERROR_THRESHOLD = 7500;
/** Specification. Weight of the old value in the smoothed error rate, percent. */
export const DEFAULT_HISTORY_PERCENT = 25;
/** Specification. How much of the past a half-lossy receiver asks for again. */
export const DEFAULT_LOSS_WINDOW_MS = 1000;
/** Specification. A sender gives up on a receiver that says nothing for this long. */
export const DEFAULT_HEARTBEAT_TIMEOUT_MS = 15_000;
/** Specification. UDP ports a receiver tries, upwards from the first. */
export const UDP_PORT_ATTEMPTS = 256;
/** Specification. Socket buffer the original asks for; the kernel may grant less. */
export const SOCKET_BUFFER_BYTES = 20_000_000;

/** Specification. Least time between two reports of a receiver. */
export const REPORT_PERIOD_MS = 350;
/** Specification. A report is sent only when the datagram count is a multiple of this. */
export const REPORT_GRANULARITY_DATAGRAMS = 50;
/** Specification. So many blocks missing are asked for by RESTART instead of one by one. */
export const RESTART_THRESHOLD_BLOCKS = 2048;
/** Specification. Blocks a receiver remembers as missing at most. */
export const WANTED_MAX_BLOCKS = 65_536;
/** Specification. Blocks between a receiver's socket and its disk. */
export const RING_MAX_BLOCKS = 4096;
/** Specification. Turns without a request after which a sender assumes heavy loss. */
export const HEARTBEAT_TURNS = 2050;
/** Specification. Least time between two such assumptions. */
export const ASSUMED_LOSS_PERIOD_MS = 500;
/** Specification. Adaptation never makes the gap longer than this. */
export const GAP_MAX_US = 10_000;
/** Specification. A transfer starts at a third of its rate. */
export const INITIAL_GAP_FACTOR = 3;
/** Specification. The last block is repeated after this many of the longest gaps. */
export const REPEAT_PAUSE_GAPS = 10;

/** Specification. 6 bytes before the data of a datagram. */
export const DATAGRAM_HEADER_BYTES = 6;
/** Specification. 65 507 bytes fit a UDP datagram over IPv4, 6 of them are the header. */
export const BLOCK_SIZE_MAX_BYTES = 65_501;
/** Specification. Longest name a sender reads. */
export const NAME_MAX_BYTES = 1023;
/** Specification. Number of names in a `*` answer is a 16-bit count in the original. */
export const LIST_MAX_FILES = 65_535;

/** Ours. 2³²−1 makes the original loop for ever, so that nobody offers or takes it. */
export const BLOCK_COUNT_MAX = 0xffff_fffe;
/** Ours. Bytes of names a receiver reads in one listing: 65 535 names of usual length. */
export const LIST_MAX_BYTES = 16 * 1024 * 1024;
/** Ours. Memory between a receiver's socket and its disk, whatever the block size. */
export const RING_MAX_BYTES = 64 * 1024 * 1024;
/** Ours. Unread bytes of a control connection; above it TCP holds the peer back. */
export const CONTROL_BUFFER_MAX_BYTES = 64 * 1024;
/** Ours. Requests a receiver lets pile up unsent; then it skips a round. */
export const REQUEST_BACKLOG_MAX_BYTES = 256 * 1024;
/** Ours. A sender that was held up makes good this much time at once, not more. */
export const BURST_MAX_US = 10_000;
/** Ours. Datagrams sent in a row before other connections get their turn. */
export const BATCH_MAX_DATAGRAMS = 64;
/** Ours. Datagrams waiting in the sender's own socket; then it pauses. */
export const SEND_QUEUE_MAX_DATAGRAMS = 256;
/** Ours. Time for one step of the handshake. */
export const HANDSHAKE_TIMEOUT_MS = 10_000;
/** Ours. Time a connected receiver may think about the next name. */
export const IDLE_TIMEOUT_MS = 300_000;
/** Ours. Names in a row that are no files, after which a receiver is taken for a flood. */
export const REFUSALS_MAX = 1000;
/** Ours. Answers a receiver has not read; above it the sender waits before it reads on. */
export const ANSWERS_MAX_BYTES = 1024 * 1024;
/** Ours. Connections a sender serves at a time. */
export const CONNECTIONS_MAX = 64;
/** Ours. Time a receiver waits for an answer on the control connection. */
export const REPLY_TIMEOUT_MS = 30_000;
/** Ours. Time without any datagram after which a receiver gives up. */
export const SILENCE_TIMEOUT_MS = 20_000;
/** Ours. Time in which datagrams come but nothing new; a peer that floods ends here. */
export const PROGRESS_TIMEOUT_MS = 60_000;
/** Ours. Clock of the receiver's own checks and of reports that no datagram triggers. */
export const TICK_MS = 100;
/** Ours. Without datagrams a report is sent this often, so that a stalled path can recover. */
export const QUIET_REPORT_PERIOD_MS = 2 * REPORT_PERIOD_MS;
/** Ours. With datagrams too few for the original's rule; well below a sender's heartbeat timeout. */
export const SLOW_REPORT_PERIOD_MS = 5000;
/** Ours. Least time between two rounds of requests that the last block triggers. */
export const TAIL_ROUND_MIN_MS = 10;
