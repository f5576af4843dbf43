/**
 * Needs: an image whose snapshots are finished.  Makes: room: other finished snapshots of the run are
 * of no use any more: those that a licensed copy's volumes were made of, and one that was made twice
 * because EC2 did not show the first in time.  Undoes: nothing.
 *
 * Before the image is claimed, so that of a claimed one there is one set of snapshots and no doubt.
 */

import { Tag } from "../../agent/contract.ts";
import { isAdoptable } from "./end-leftovers.ts";
import type { Run } from "./run.ts";

/** @param keptIds - The snapshots that stay. */
export async function endSuperseded(run: Run, keptIds: readonly string[]): Promise<void> {
  const cloud = run.clouds.destination;
  await run.checkFence();
  const found = await cloud.describeSnapshots({ tags: { [Tag.run]: run.identity.runId } });
  for (const snapshot of found.filter(isAdoptable)) {
    const { snapshotId } = snapshot;
    if (!keptIds.includes(snapshotId)) await cloud.deleteSnapshot(snapshotId);
  }
}
