/**
 * Needs: an image whose snapshots are finished.  Makes: room: other finished snapshots of the run are
 * of no use any more: those that a licensed copy's volumes were made of, and one that was made twice
 * because EC2 did not show the first in time; and an image that was taken over and is not as asked.
 * Undoes: nothing.
 *
 * Before the image is claimed, so that of a claimed one there is one set of snapshots and no doubt.
 */

import { Tag } from "../../agent/contract.ts";
import { deregister } from "./deregister.ts";
import { deleteUnused, isAdoptable } from "./end-leftovers.ts";
import type { Run } from "./run.ts";

/** @param keptIds - The snapshots that stay. @param keptImageId - Other images go; absent: none. */
export async function endSuperseded(
  run: Run,
  keptIds: readonly string[],
  keptImageId?: string,
): Promise<void> {
  const cloud = run.clouds.destination;
  const tags = { [Tag.run]: run.identity.runId };
  await run.checkFence();
  if (keptImageId !== undefined) {
    for (const { imageId, state } of await cloud.describeImages({ owner: "self", tags })) {
      if (imageId !== keptImageId && state !== "deregistered")
        await deregister(run, cloud, imageId);
    }
  }
  for (const { snapshotId } of (await cloud.describeSnapshots({ tags })).filter(isAdoptable)) {
    if (!keptIds.includes(snapshotId)) await deleteUnused(run, cloud, snapshotId);
  }
}
