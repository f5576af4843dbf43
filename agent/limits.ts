/**
 * The agent's limits: ours, all of them, each with its reason.
 */

/** Disks of one job. The most that any instance type attaches today, its own root left out, is 127. */
export const DISKS_MAX = 127;

/** How long launched disks may take to appear: EBS shows them within seconds of the boot, so this means never. */
export const DISKS_WAIT_MS = 5 * 60_000;

/** How long the other helper may take to be introduced: its launch, its boot, and two slow consoles, to the controller's limits. */
export const PEER_WAIT_MS = 30 * 60_000;

/** How long the metadata service may be silent at boot, before anything is known. */
export const METADATA_WAIT_MS = 2 * 60_000;

/** One metadata request. The service is on the host; what takes longer is lost, and is asked again. */
export const METADATA_REQUEST_MS = 2_000;

/** One metadata answer; a tag has at most 256 characters, an address 15. */
export const METADATA_BODY_MAX_BYTES = 4096;

/** Pace of looking at tags while somebody waits for an answer. The service serves far more than this. */
export const WATCH_QUICK_MS = 250;

/** Pace of looking at tags while disks are copied: only the lease and acknowledgements are due. */
export const WATCH_SLOW_MS = 2_000;

/** How long an unacknowledged `failed` holds the machine up. */
export const FAREWELL_MS = 2 * 60_000;

/** A state line is said again after this long, then after twice as long, and so on … */
export const REPEAT_FIRST_MS = 1_000;

/**
 * … up to this. 30 volumes are 6 KiB a round, so that the console's ring of 64 KiB holds the last
 * ten rounds, three minutes, and a console that lags by two loses nothing.
 */
export const REPEAT_LAST_MS = 20_000;

/** Progress is said at most this often … */
export const PROGRESS_MAX_MS = 5_000;

/**
 * … but a short copy is told in more steps: a tenth of the time it has taken so far, and never
 * faster than this. That adds 26 lines (5 KiB of the ring), once, whatever the length of the copy.
 */
export const PROGRESS_MIN_MS = 1_000;

/** Characters of a `failed` message; with its JSON it stays under `CONSOLE_LINE_MAX_LENGTH`. */
export const MESSAGE_MAX_LENGTH = 300;
