/**
 * Snapshots while the account has as many in progress as its quota allows: they end by themselves,
 * ours among them, and what was transferred for a new one is worth the wait.
 */

import { isCloudError } from "../ec2/cloud-error.ts";
import { type Creation, createOnce } from "./create-once.ts";
import type { Waiting } from "./wait-until.ts";

/**
 * @param onWait - Called before each pause.
 * @throws CloudError `PendingSnapshotLimitExceeded` when there is no room for `roomMs`.
 */
export async function createWhenRoom<Thing>(
  waiting: Waiting,
  creation: Creation<Thing>,
  onWait: () => void,
): Promise<Thing> {
  const { clock, limits, signal } = waiting;
  const endMs = clock.now() + limits.roomMs;
  for (;;) {
    try {
      return await createOnce(waiting, creation);
    } catch (error) {
      const isFull = isCloudError(error) && error.code === "PendingSnapshotLimitExceeded";
      if (!isFull || clock.now() >= endMs) throw error;
    }
    onWait();
    await clock.sleep(limits.pollLongestMs, signal);
  }
}
