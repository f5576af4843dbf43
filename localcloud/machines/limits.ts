/** The bounds of one machine, each with its reason. */

/** EC2's: GetConsoleOutput keeps the last 64 KiB. */
export const CONSOLE_RING_BYTES = 64 * 1024;

/** Ours: a program that never ends its line must not fill our memory. */
export const CONSOLE_LINE_MAX_LENGTH = 4096;

/** Ours: user data is at most 16 KiB on the wire; a gzip bomb of it must not fill our memory. */
export const USER_DATA_MAX_BYTES = 16 * 1024 * 1024;

/** Ours: what programs get between SIGTERM and SIGKILL. EC2 is more patient; a test is not. */
export const STOP_GRACE_MS = 400;

/** Ours: a killed process group that is still there after this is an error to report. */

export const STOP_TIMEOUT_MS = 10_000;

/** Ours: so often a dead cloud's machine looks again for programs that left its group. */
export const STRAY_ROUNDS_MAX = 20;

/** Ours: open files of each program on a machine; an agent with 64 disks needs far fewer. */
export const OPEN_FILES_MAX = 1024;

/** Ours: data memory of each program on a machine, in KiB: well above what an agent may use. */
export const DATA_MEMORY_MAX_KIB = 2 * 1024 * 1024;

/** Ours: one agent asks one thing at a time. */
export const METADATA_CONNECTIONS_MAX = 32;

/** EC2's: a metadata token lives one second to six hours. */
export const METADATA_TOKEN_MAX_SECONDS = 21_600;

/** Ours: `shutdown +N` beyond this is a mistake (and more than a timer can hold). */
export const SHUTDOWN_DELAY_MAX_MINUTES = 30_000;
