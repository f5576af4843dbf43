/**
 * Creates for which EC2 has no client token. Such a call is never repeated blindly: after a lost
 * answer we look for what it may have made.
 */

import { isCloudError } from "../ec2/cloud-error.ts";
import type { Waiting } from "./wait-until.ts";

export interface Creation<Thing> {
  readonly create: () => Promise<Thing>;
  /** Finds, by this run's own tags, what an earlier try has made. */
  readonly find: () => Promise<Thing | undefined>;
}

/** @throws CloudError of the last try. */
export async function createOnce<Thing>(
  waiting: Waiting,
  { create, find }: Creation<Thing>,
): Promise<Thing> {
  const { clock, limits, signal } = waiting;
  for (let attempt = 1; ; attempt++) {
    signal.throwIfAborted();
    try {
      return await create();
    } catch (error) {
      if (isCloudError(error, "duplicate")) {
        const made = attempt > 1 ? await find() : undefined;
        if (made !== undefined) return made;
        throw error;
      }
      if (!isCloudError(error, "throttled", "unreachable")) throw error;
      if (error.kind === "unreachable") {
        const made = await findLostAnswer(waiting, find);
        if (made !== undefined) return made;
      }
      if (attempt >= limits.createAttempts) throw error;
      await clock.sleep(Math.min(limits.pollFirstMs * 2 ** attempt, limits.pollLongestMs), signal);
    }
  }
}

async function findLostAnswer<Thing>(
  { clock, limits, signal }: Waiting,
  find: () => Promise<Thing | undefined>,
): Promise<Thing | undefined> {
  const endMs = clock.now() + limits.lostAnswerMs;
  for (let pauseMs = limits.pollFirstMs; ; pauseMs = Math.min(pauseMs * 2, limits.pollLongestMs)) {
    try {
      const made = await find();
      if (made !== undefined) return made;
    } catch (error) {
      if (!isCloudError(error, "throttled", "unreachable")) throw error;
    }
    if (clock.now() >= endMs) return undefined;
    await clock.sleep(pauseMs, signal);
  }
}
