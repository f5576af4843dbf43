/**
 * Needs: destination volumes whose digests are proved.  Makes: one complete snapshot each, tagged
 * with where it is from and its digest.  Undoes: nothing. What is tagged so stays for the next attempt
 * to adopt, complete or not, and the sweep knows it by its tags.
 */

import { Role, Tag } from "../../agent/contract.ts";
import { completeSnapshots } from "./complete-snapshots.ts";
import type { SourceVolume } from "./describe-source.ts";
import type { KeyUse } from "./key-trouble.ts";
import { type Run, runTags, withoutReserved } from "./run.ts";
import { createWhenRoom } from "./when-room.ts";

const STEP = "snapshot-volumes";

/** A destination volume with the source volume it is equal to. */
export interface ProvedVolume {
  readonly source: SourceVolume;
  readonly volumeId: string;
  readonly digest: string;
}

/** A proved copy of a source snapshot. */
export interface SnapshotCopy {
  /** The image's own, also when the copy is of a boot of the image. */
  readonly sourceSnapshotId: string;
  /** Of a boot of the image: the only device that it is for. */
  readonly deviceName?: string;
  readonly snapshotId: string;
  readonly sizeGib: number;
  readonly digest: string;
}

/** The copy that a device of the source gets. */
export function copyFor<
  Copy extends { readonly sourceSnapshotId: string; readonly deviceName?: string },
>(
  copies: readonly Copy[],
  device: { readonly deviceName: string; readonly snapshotId: string },
): Copy | undefined {
  const ofSnapshot = copies.filter((copy) => copy.sourceSnapshotId === device.snapshotId);
  return (
    ofSnapshot.find(({ deviceName }) => deviceName === device.deviceName) ??
    ofSnapshot.find(({ deviceName }) => deviceName === undefined)
  );
}

/**
 * @param keyUse - What the volumes are under.
 * @throws CopyError `product-failed` when a snapshot goes to `error`.
 */
export async function snapshotVolumes(
  run: Run,
  volumes: readonly ProvedVolume[],
  keyUse: KeyUse,
): Promise<SnapshotCopy[]> {
  await run.checkFence();
  const copies: SnapshotCopy[] = [];
  for (const volume of volumes) {
    const snapshotId = await createSnapshot(run, volume);
    const { snapshot, deviceName, bootedFrom } = volume.source;
    const sizeGib = snapshot.volumeSizeGib;
    const { digest } = volume;
    copies.push(
      bootedFrom === undefined
        ? { sourceSnapshotId: snapshot.snapshotId, snapshotId, sizeGib, digest }
        : { sourceSnapshotId: bootedFrom, deviceName, snapshotId, sizeGib, digest },
    );
  }
  await completeCopies(run, copies, keyUse);
  return copies;
}

async function createSnapshot(run: Run, volume: ProvedVolume): Promise<string> {
  const cloud = run.clouds.destination;
  const { source, volumeId, digest } = volume;
  const { bootedFrom, deviceName } = source;
  const { description, tags } = source.snapshot;
  const snapshotId = bootedFrom ?? source.snapshot.snapshotId;
  const { copyTags, sourceAmiId } = run.request;
  const marks = runTags(run, Role.snapshot);
  const origin = {
    [Tag.sourceSnapshot]: snapshotId,
    [Tag.digest]: digest,
    ...(bootedFrom !== undefined && { [Tag.sourceDevice]: deviceName }),
  };
  const creation = {
    create: () =>
      cloud.createSnapshot({
        volumeId,
        description:
          copyTags && description !== "" ? description : `Copy of ${snapshotId} of ${sourceAmiId}`,
        tags: { ...(copyTags ? withoutReserved(tags) : {}), ...marks, ...origin },
      }),
    find: async () => {
      const { [Tag.run]: runId, [Tag.attempt]: attempt } = marks;
      const [found] = await cloud.describeSnapshots({
        tags: { [Tag.run]: runId, [Tag.attempt]: attempt, ...origin },
      });
      return found?.snapshotId;
    },
  };
  return createWhenRoom(run, creation, () => {
    const text = "waiting: the account has too many snapshots in progress";
    run.report("image", text);
    run.report("destination", text);
  });
}

/** @throws CopyError `product-failed` when a snapshot goes to `error`; the next attempt makes it anew. */
export async function completeCopies(
  run: Run,
  copies: readonly SnapshotCopy[],
  keyUse: KeyUse,
): Promise<void> {
  if (copies.length === 0) return;
  const ids = copies.map(({ snapshotId }) => snapshotId);
  await completeSnapshots(run, run.clouds.destination, {
    step: STEP,
    ids,
    keyUse,
    onLook(percent) {
      const text = `snapshots ${percent}%`;
      run.report("image", text);
      run.report("destination", text);
    },
  });
}
