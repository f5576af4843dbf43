/**
 * Needs: destination volumes whose digests are proved.  Makes: one finished snapshot each, tagged
 * with where it is from and its digest.  Undoes: what is not finished; a finished one stays for the
 * next attempt to adopt, and the sweep knows it by its tags.
 */

import { Role, Tag } from "../../agent/contract.ts";
import { completeSnapshots } from "./complete-snapshots.ts";
import type { SourceVolume } from "./describe-source.ts";
import type { KeyUse } from "./key-trouble.ts";
import { type Run, runTags, withoutReserved } from "./run.ts";
import type { Undo } from "./undo-stack.ts";
import { createWhenRoom } from "./when-room.ts";

const STEP = "snapshot-volumes";

/** A destination volume with the source volume it is equal to. */
export interface ProvedVolume {
  readonly source: SourceVolume;
  readonly volumeId: string;
  readonly digest: string;
}

/** A finished copy of a source snapshot. */
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
  const cloud = run.clouds.destination;
  await run.checkFence();
  const made: { copy: SnapshotCopy; undo: Undo }[] = [];
  for (const volume of volumes) {
    const snapshotId = await createSnapshot(run, volume);
    const undo = run.undo.onFailure(`snapshot ${snapshotId} in ${cloud.region}`, () =>
      cloud.deleteSnapshot(snapshotId),
    );
    const { snapshot, deviceName, bootedFrom } = volume.source;
    const sizeGib = snapshot.volumeSizeGib;
    const { digest } = volume;
    const copy =
      bootedFrom === undefined
        ? { sourceSnapshotId: snapshot.snapshotId, snapshotId, sizeGib, digest }
        : { sourceSnapshotId: bootedFrom, deviceName, snapshotId, sizeGib, digest };
    made.push({ copy, undo });
  }
  await waitForCompletion(run, made, keyUse);
  return made.map(({ copy }) => copy);
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

async function waitForCompletion(
  run: Run,
  made: readonly { copy: SnapshotCopy; undo: Undo }[],
  keyUse: KeyUse,
): Promise<void> {
  const ids = made.map(({ copy }) => copy.snapshotId);
  await completeSnapshots(run, run.clouds.destination, {
    step: STEP,
    ids,
    keyUse,
    onLook(found, percent) {
      for (const { snapshotId, state } of found) {
        if (state !== "completed") continue;
        made.find(({ copy }) => copy.snapshotId === snapshotId)?.undo.dismiss();
      }
      const text = `snapshots ${percent}%`;
      run.report("image", text);
      run.report("destination", text);
    },
  });
}
