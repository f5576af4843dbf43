/**
 * The image to copy and the volumes that have to travel: one per snapshot, however often the image
 * maps it.
 */

import type { Ec2, Image, Snapshot, SnapshotDevice } from "../ec2/ec2.ts";

/** One snapshot that has to travel. */
export interface SourceVolume {
  /** The first of the image's devices that shows it. */
  readonly deviceName: string;
  readonly snapshot: Snapshot;
}

export interface SourceImage {
  readonly image: Image;
  readonly volumes: readonly SourceVolume[];
  /** Snapshots of the image that we cannot see. */
  readonly unreadable: readonly SnapshotDevice[];
}

/** @returns `undefined` when there is no such image for us. */
export async function describeSource(
  cloud: Ec2,
  imageId: string,
): Promise<SourceImage | undefined> {
  const [image] = await cloud.describeImages({ imageIds: [imageId] });
  if (image === undefined || image.state === "deregistered") return undefined;
  const devices = firstDevices(image);
  const snapshots =
    devices.length === 0
      ? []
      : await cloud.describeSnapshots({ ids: devices.map(({ snapshotId }) => snapshotId) });
  const byId = new Map(snapshots.map((snapshot) => [snapshot.snapshotId, snapshot]));
  const volumes: SourceVolume[] = [];
  const unreadable: SnapshotDevice[] = [];
  for (const device of devices) {
    const snapshot = byId.get(device.snapshotId);
    if (snapshot === undefined) unreadable.push(device);
    else volumes.push({ deviceName: device.deviceName, snapshot });
  }
  return { image, volumes, unreadable };
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
