/** The one way to wait for something in a cloud: quick at first, then polite, and never for ever. */

import { isCloudError } from "../ec2/cloud-error.ts";
import { CopyError } from "./copy-error.ts";
import type { Limits } from "./limits.ts";
import type { Clock } from "./run-context.ts";

export interface Waiting {
  readonly clock: Clock;
  readonly limits: Limits;
  readonly signal: AbortSignal;
}

export interface WaitOptions {
  /** File name of the step that waits. */
  readonly step: string;
  /** Ends the sentence "gave up waiting for …". */
  readonly what: string;
  readonly limitMs: number;
  readonly ids?: readonly string[];
  /** Longest pause between two looks; absent: `limits.pollLongestMs`. */
  readonly longestPauseMs?: number;
}

/**
 * Looks until there is an answer. Throttling and silence of the cloud do not end a wait, its limit
 * does; everything else that `look` throws does.
 *
 * @param look - Answers `undefined` for "not yet".
 * @throws CopyError `timed-out`, naming the wait and its limit.
 */
export async function waitUntil<Answer>(
  { clock, limits, signal }: Waiting,
  options: WaitOptions,
  look: () => Promise<Answer | undefined>,
): Promise<Answer> {
  const startMs = clock.now();
  const longestMs = options.longestPauseMs ?? limits.pollLongestMs;
  for (;;) {
    signal.throwIfAborted();
    let trouble: unknown;
    try {
      const answer = await look();
      if (answer !== undefined) return answer;
    } catch (error) {
      if (!isCloudError(error, "throttled", "unreachable")) throw error;
      trouble = error;
    }
    const waitedMs = clock.now() - startMs;
    if (waitedMs >= options.limitMs) {
      throw new CopyError(
        `gave up waiting for ${options.what} after ${formatLimit(options.limitMs)}`,
        { code: "timed-out", step: options.step, ids: options.ids ?? [], cause: trouble },
      );
    }
    // A sixth of what it has taken so far: never much later than needed, never many calls.
    const pauseMs = Math.min(Math.max(waitedMs / 6, limits.pollFirstMs), longestMs);
    await clock.sleep(pauseMs, signal);
  }
}

/** `90 s`, `15 min`. */
export function formatLimit(ms: number): string {
  if (ms < 120_000) return `${Math.round(ms / 100) / 10} s`;
  return `${Math.round(ms / 60_000)} min`;
}
