/** Creates that carry a client token: the very same request may be repeated after a lost answer. */

import { isCloudError } from "../ec2/cloud-error.ts";
import type { Waiting } from "./wait-until.ts";

/** @throws CloudError of the last try. */
export async function repeatWithToken<Thing>(
  { clock, limits, signal }: Waiting,
  create: () => Promise<Thing>,
): Promise<Thing> {
  for (let attempt = 1; ; attempt++) {
    // Whoever is told to stop makes nothing more, whatever else it could still try.
    signal.throwIfAborted();
    try {
      return await create();
    } catch (error) {
      if (!isCloudError(error, "throttled", "unreachable")) throw error;
      if (attempt >= limits.createAttempts) throw error;
      await clock.sleep(Math.min(limits.pollFirstMs * 2 ** attempt, limits.pollLongestMs), signal);
    }
  }
}
