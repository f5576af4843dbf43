/**
 * Needs: finished images of this run that are not as the request asks.  Makes: room, also for their
 * name: they go, and those of their snapshots that are of no use.  Undoes: nothing.
 *
 * There are some when this run took over what another `pulumi` had made of another request.
 */

import { deregister } from "./deregister.ts";
import { deleteUnused, snapshotsOf } from "./end-leftovers.ts";
import type { Finished } from "./find-finished.ts";
import type { Run } from "./run.ts";

export async function endUnusable(run: Run, { unusable, copies }: Finished): Promise<void> {
  const kept = new Set(copies.map(({ snapshotId }) => snapshotId));
  const cloud = run.clouds.destination;
  for (const image of unusable) {
    await run.checkFence();
    await deregister(run, cloud, image.imageId);
    for (const snapshotId of snapshotsOf([image])) {
      if (!kept.has(snapshotId)) await deleteUnused(run, cloud, snapshotId);
    }
  }
}
