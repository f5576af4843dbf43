/**
 * Every limit and pace of the workflow, with its reason. A table and not constants, so that tests
 * can shorten it. All are ours unless marked EC2.
 */

export interface Limits {
  /** First and longest pause between two looks at something: quick at first, polite later. */
  readonly pollFirstMs: number;
  readonly pollLongestMs: number;
  /** From RunInstances until `running`; beyond that EC2 is in trouble. */
  readonly launchMs: number;
  /** From `running` until the helper's first line is seen: boot, perhaps a package, a slow console. */
  readonly helloMs: number;
  /** From the peers' introduction until first progress; both consoles and tags may lag minutes. */
  readonly introductionMs: number;
  /** Longest silence of a helper that should report progress every few seconds. */
  readonly silenceMs: number;
  /** From StopInstances until `stopped`, without a shutdown of the system. */
  readonly stopMs: number;
  /** From CreateVolume until `available`, of a snapshot that is in use. */
  readonly volumeMs: number;
  /** From TerminateInstances until `terminated`. */
  readonly terminateMs: number;
  /** From the end of its instance until a security group or volume can be deleted. */
  readonly releaseMs: number;
  /** A snapshot of a full volume can take hours; `timeoutMinutes` ends it earlier. */
  readonly snapshotMs: number;
  /** While the account has as many snapshots in progress as it may; longer ones are hours long. */
  readonly roomMs: number;
  /** From RegisterImage until `available`. */
  readonly imageMs: number;
  /** How long a fresh thing may be invisible to describes (EC2 is eventually consistent). */
  readonly visibleMs: number;
  /** How often the lease tag is renewed. */
  readonly leaseRenewMs: number;
  /** A helper ends this long after the last renewal. */
  readonly leaseMs: number;
  /** How often a run looks whether its claim still holds, while it waits. */
  readonly fenceMs: number;
  /** A new attempt waits this long after it ended an older one's things, then looks again. */
  readonly orphanNoticeMs: number;
  /** One thing of the clean-up after a run, whatever happened. */
  readonly undoMs: number;
  /** A thing that is forgotten may be swept this long after the run's own timeout. */
  readonly expiryMarginMs: number;
  /** Pause between two looks at helpers that are copying; they report every five seconds. */
  readonly transferPollMs: number;
  /** How long a create whose answer was lost is looked for before it is made again. */
  readonly lostAnswerMs: number;
  /** EC2: raw user data, gzipped, at most 16 KiB. */
  readonly userDataMaxBytes: number;
  /** Repeats of a create whose answer was lost or that was throttled. */
  readonly createAttempts: number;
}

const seconds = 1000;
const minutes = 60 * seconds;

export const defaultLimits: Limits = {
  pollFirstMs: 200,
  pollLongestMs: 8 * seconds,
  launchMs: 10 * minutes,
  helloMs: 15 * minutes,
  introductionMs: 10 * minutes,
  silenceMs: 10 * minutes,
  stopMs: 15 * minutes,
  volumeMs: 30 * minutes,
  terminateMs: 15 * minutes,
  releaseMs: 10 * minutes,
  snapshotMs: 24 * 60 * minutes,
  roomMs: 60 * minutes,
  imageMs: 30 * minutes,
  visibleMs: 2 * minutes,
  leaseRenewMs: 30 * seconds,
  leaseMs: 30 * minutes,
  fenceMs: 10 * seconds,
  orphanNoticeMs: 30 * seconds,
  undoMs: 30 * minutes,
  expiryMarginMs: 60 * minutes,
  transferPollMs: 4 * seconds,
  lostAnswerMs: 30 * seconds,
  userDataMaxBytes: 16 * 1024,
  createAttempts: 6,
};

/** Paces of a test; the waits for real work stay, since a busy machine needs them. */
const PACES = [
  "pollFirstMs",
  "pollLongestMs",
  "leaseRenewMs",
  "leaseMs",
  "fenceMs",
  "orphanNoticeMs",
  "transferPollMs",
  "lostAnswerMs",
] as const satisfies readonly (keyof Limits)[];

/**
 * All paces by one factor, so that what must be longer than something else stays so: an orphan's
 * notice than its looks at the fence, a lease than its renewals. A helper's lease is in its job.
 *
 * @param pace - 1 for as it is, 0.1 for ten times as quick.
 */
export function limitsAtPace(pace: number): Limits {
  const quick = PACES.map((name) => [name, Math.ceil(defaultLimits[name] * pace)] as const);
  return { ...defaultLimits, ...Object.fromEntries(quick) };
}
