/** Wishes about the snapshots of an image, after a repair that gave it other ones. Pure. */

import type { CopiedImageFacts, ImageWishes } from "./copy-request.ts";

type Snapshots = Pick<CopiedImageFacts, "snapshots">;

/** What was wanted of the snapshot of a device is wanted of the one that it has now. */
export function withMovedSnapshots(
  wishes: ImageWishes,
  { snapshots: before }: Snapshots,
  { snapshots: after }: Snapshots,
): ImageWishes {
  const { snapshotPermissions } = wishes;
  if (snapshotPermissions === undefined) return wishes;
  const moved = after.flatMap(({ deviceName, snapshotId }) => {
    const former = before.find((snapshot) => snapshot.deviceName === deviceName);
    const wanted = former && snapshotPermissions[former.snapshotId];
    return wanted === undefined ? [] : [[snapshotId, wanted] as const];
  });
  return { ...wishes, snapshotPermissions: Object.fromEntries(moved) };
}
