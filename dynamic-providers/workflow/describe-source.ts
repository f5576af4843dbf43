/**
 * The image to copy and the volumes that have to travel: one per snapshot, however often the image
 * maps it.
 */

import type { SnapshotDevice } from "../ec2/block-device.ts";
import type { Ec2 } from "../ec2/ec2.ts";
import type { Image, LaunchPermission } from "../ec2/image.ts";
import type { Snapshot, SnapshotPermission } from "../ec2/snapshot.ts";

/** One snapshot that has to travel. */
export interface SourceVolume {
  /** The first of the image's devices that shows it. */
  readonly deviceName: string;
  readonly snapshot: Snapshot;
  /** Who else may use it; absent: only its owner may know. */
  readonly permissions?: readonly SnapshotPermission[];
  /** Present: `snapshot` is of a boot of the source, for this device only, and stands for this one. */
  readonly bootedFrom?: string;
}

export interface SourceImage {
  readonly image: Image;
  readonly volumes: readonly SourceVolume[];
  /** Snapshots of the image that we cannot see. */
  readonly unreadable: readonly SnapshotDevice[];
  /** What only the image's owner may read; absent: we are not. */
  readonly ownerOnly?: OwnerOnly;
}

/** Whether it is this volume that a device of the source has. */
export function isVolumeOf(volume: SourceVolume, device: SnapshotDevice): boolean {
  if (volume.bootedFrom !== undefined) return volume.deviceName === device.deviceName;
  return volume.snapshot.snapshotId === device.snapshotId;
}

export interface OwnerOnly {
  readonly launchPermissions: readonly LaunchPermission[];
  /** Base64 of the UEFI variable store; absent: it has none. */
  readonly uefiData?: string;
}

/**
 * @param accountId - Who reads.
 * @returns `undefined` when there is no such image for us.
 */
export async function describeSource(
  cloud: Ec2,
  imageId: string,
  accountId: string,
): Promise<SourceImage | undefined> {
  const [image] = await cloud.describeImages({ imageIds: [imageId] });
  if (image === undefined || image.state === "deregistered") return undefined;
  const devices = firstDevices(image);
  const snapshots =
    devices.length === 0
      ? []
      : await cloud.describeSnapshots({ ids: devices.map(({ snapshotId }) => snapshotId) });
  const isOwned = image.ownerId === accountId;
  const ownerOnly = isOwned ? await readOwnerOnly(cloud, imageId) : undefined;
  const byId = new Map(snapshots.map((snapshot) => [snapshot.snapshotId, snapshot]));
  const volumes: SourceVolume[] = [];
  const unreadable: SnapshotDevice[] = [];
  for (const device of devices) {
    const snapshot = byId.get(device.snapshotId);
    if (snapshot === undefined) unreadable.push(device);
    else volumes.push(await readVolume(cloud, device.deviceName, snapshot, accountId));
  }
  return { image, volumes, unreadable, ...(ownerOnly !== undefined && { ownerOnly }) };
}

async function readOwnerOnly(cloud: Ec2, imageId: string): Promise<OwnerOnly> {
  const [launchPermissions, uefiData] = await Promise.all([
    cloud.launchPermissions(imageId),
    cloud.uefiData(imageId),
  ]);
  return { launchPermissions, ...(uefiData !== undefined && { uefiData }) };
}

async function readVolume(
  cloud: Ec2,
  deviceName: string,
  snapshot: Snapshot,
  accountId: string,
): Promise<SourceVolume> {
  if (snapshot.ownerId !== accountId) return { deviceName, snapshot };
  const permissions = await cloud.snapshotPermissions(snapshot.snapshotId);
  return { deviceName, snapshot, permissions };
}

/** One device a snapshot, the root's first, then by name: the same order at every attempt. */
function firstDevices(image: Image): SnapshotDevice[] {
  const devices = image.blockDevices.filter((device) => device.kind === "snapshot");
  const rank = ({ deviceName }: SnapshotDevice) =>
    deviceName === image.rootDeviceName ? "" : deviceName;
  devices.sort((a, b) => (rank(a) < rank(b) ? -1 : 1));
  const seen = new Set<string>();
  return devices.filter(({ snapshotId }) => {
    if (seen.has(snapshotId)) return false;
    seen.add(snapshotId);
    return true;
  });
}
