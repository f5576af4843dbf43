/**
 * Needs: an image of the licence donor, whose snapshots are all tagged alike.  Makes: on each what
 * the snapshot has that its volume was made of: the source's tags, where it is from, its digest.
 * From then on it counts as finished.  Undoes: nothing.
 */

import { Tag } from "../../agent/contract.ts";
import type { Registration } from "./copy-request.ts";
import { type Run, withoutReserved } from "./run.ts";
import type { SnapshotCopy } from "./snapshot-volumes.ts";

/**
 * @param wanted - As what the image was wanted: of the snapshots in `copies`.
 * @param made - The same with the image's own snapshots.
 * @returns These, one a device.
 */
export async function tagSnapshots(
  run: Run,
  wanted: Registration,
  made: Registration,
  copies: readonly SnapshotCopy[],
): Promise<SnapshotCopy[]> {
  const cloud = run.clouds.destination;
  const ids = [...new Set(copies.map(({ snapshotId }) => snapshotId))];
  const former = await cloud.describeSnapshots({ ids });
  const tagsOf = new Map(former.map(({ snapshotId, tags }) => [snapshotId, tags]));
  const own: SnapshotCopy[] = [];
  for (const [index, device] of made.blockDevices.entries()) {
    const before = wanted.blockDevices[index];
    if (device.kind !== "snapshot" || before?.kind !== "snapshot") continue;
    const copy = copies.find(({ snapshotId }) => snapshotId === before.snapshotId);
    if (copy === undefined) continue;
    const { snapshotId } = device;
    // In one call: either all of it is there, or it is no finished copy.
    await cloud.setTags([snapshotId], {
      ...withoutReserved(tagsOf.get(before.snapshotId) ?? {}),
      [Tag.sourceSnapshot]: copy.sourceSnapshotId,
      [Tag.digest]: copy.digest,
      ...(copy.deviceName !== undefined && { [Tag.sourceDevice]: copy.deviceName }),
    });
    own.push({ ...copy, snapshotId });
  }
  return own;
}
