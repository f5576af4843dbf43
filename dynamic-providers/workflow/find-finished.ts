/**
 * What older attempts of this run have finished: copies of snapshots with a proved digest, or even
 * the whole image. Nothing of it has to travel again.
 */

import { Tag } from "../../agent/contract.ts";
import type { Image } from "../ec2/image.ts";
import type { Snapshot } from "../ec2/snapshot.ts";
import { snapshotDevices } from "./choose-boot.ts";
import { attemptOf } from "./claim-attempt.ts";
import type { SourceImage, SourceVolume } from "./describe-source.ts";
import { isAdoptable } from "./end-leftovers.ts";
import type { Run } from "./run.ts";
import type { SnapshotCopy } from "./snapshot-volumes.ts";

export interface Finished {
  readonly copies: readonly SnapshotCopy[];
  /** Source volumes without a finished copy. */
  readonly missing: readonly SourceVolume[];
  /** The source has to be started first, and everything of it is to be copied. */
  readonly needsBoot: boolean;
  /** An image of this run that was claimed, made of these copies. */
  readonly image?: Image;
  /** Claimed images of this run that are not as the request asks. */
  readonly unusable: readonly Image[];
}

export async function findFinished(run: Run, source: SourceImage): Promise<Finished> {
  const cloud = run.clouds.destination;
  const tags = { [Tag.run]: run.identity.runId };
  const snapshots = (await cloud.describeSnapshots({ tags })).filter(isAdoptable);
  const { copies, missing, usable, needsBoot } =
    source.unreadable.length > 0
      ? findBoot(source.image, snapshots)
      : findEach(run, source.volumes, snapshots);
  const claimed = (await cloud.describeImages({ owner: "self", tags })).filter(
    ({ state, tags }) => state !== "deregistered" && tags[Tag.claimed] !== undefined,
  );
  const image = claimed.find((image) => isMadeOf(run, image, usable));
  const unusable = claimed.filter((one) => one !== image);
  return { copies, missing, needsBoot, unusable, ...(image !== undefined && { image }) };
}

function findEach(run: Run, volumes: readonly SourceVolume[], snapshots: readonly Snapshot[]) {
  const copies: SnapshotCopy[] = [];
  const missing: SourceVolume[] = [];
  // Of a licensed image each device has a snapshot of its own, if several are of one.
  const usable: string[] = [];
  for (const volume of volumes) {
    const found = snapshots.filter((snapshot) => isCopyOf(run, snapshot, volume));
    usable.push(...found.map(({ snapshotId }) => snapshotId));
    const [copy] = found;
    if (copy === undefined) missing.push(volume);
    else copies.push(readCopy(copy, volume.snapshot.volumeSizeGib));
  }
  return { copies, missing, usable, needsBoot: false };
}

/** Volumes of two boots do not belong together: all of them are of one attempt, or none is taken. */
function findBoot(image: Image, snapshots: readonly Snapshot[]) {
  const devices = snapshotDevices(image);
  for (const ofOneBoot of Map.groupBy(snapshots, ({ tags }) => attemptOf(tags)).values()) {
    const copies = devices.flatMap((device) => {
      const copy = ofOneBoot.find(
        ({ tags }) =>
          tags[Tag.sourceSnapshot] === device.snapshotId &&
          tags[Tag.sourceDevice] === device.deviceName,
      );
      return copy === undefined ? [] : readCopy(copy, device.volumeSizeGib ?? copy.volumeSizeGib);
    });
    if (copies.length === devices.length) {
      const usable = ofOneBoot.map(({ snapshotId }) => snapshotId);
      return { copies, missing: [], usable, needsBoot: false };
    }
  }
  return { copies: [], missing: [], usable: [], needsBoot: true };
}

/** Whether the snapshot is what this request would make of the volume. */
function isCopyOf({ request }: Run, copy: Snapshot, { snapshot }: SourceVolume): boolean {
  return (
    copy.tags[Tag.sourceSnapshot] === snapshot.snapshotId &&
    // Larger is the snapshot of a licensed image whose device was larger than its snapshot.
    copy.volumeSizeGib >= snapshot.volumeSizeGib &&
    // An account that encrypts by default makes more of it than was asked.
    (copy.encrypted || !isEncryptionWanted(request, snapshot))
  );
}

/** Given wishes decide; without any a copy is encrypted when its source is. */
export function isEncryptionWanted(
  request: { readonly encrypted?: boolean; readonly kmsKeyId?: string },
  snapshot: Snapshot,
): boolean {
  return request.encrypted ?? (request.kmsKeyId !== undefined || snapshot.encrypted);
}

function readCopy(snapshot: Snapshot, sizeGib: number): SnapshotCopy {
  const deviceName = snapshot.tags[Tag.sourceDevice];
  return {
    sourceSnapshotId: snapshot.tags[Tag.sourceSnapshot] ?? "",
    ...(deviceName !== undefined && { deviceName }),
    snapshotId: snapshot.snapshotId,
    sizeGib,
    digest: snapshot.tags[Tag.digest] ?? "",
  };
}

function isMadeOf({ request }: Run, image: Image, usable: readonly string[]): boolean {
  if (request.name !== undefined && request.name !== image.name) return false;
  // Disabled when its source is: then an attempt got to the very end.
  if (image.state !== "available" && image.state !== "disabled") return false;
  return image.blockDevices.every(
    (device) => device.kind !== "snapshot" || usable.includes(device.snapshotId),
  );
}
