/**
 * What a copy takes over from its source besides the bytes: which permissions mean what on the other
 * side, which dates can still be set, how each device is to be. Pure: `fidelity.ts` tells a person
 * about the same decisions.
 */

import { isDeepStrictEqual } from "node:util";
import type { BlockDevice } from "../ec2/block-device.ts";
import type { Image, LaunchPermission } from "../ec2/image.ts";
import type { SnapshotPermission } from "../ec2/snapshot.ts";
import type { Tags } from "../ec2/tags.ts";
import type { CopyRequest, ImageWishes, PermissionMap, RunIdentity } from "./copy-request.ts";
import type { SourceImage } from "./describe-source.ts";
import { withoutReserved } from "./run.ts";
import type { SnapshotCopy } from "./snapshot-volumes.ts";

/** Both ends of a copy. */
export type Route = Pick<RunIdentity, "source" | "destination">;

/** EC2 rounds to the minute and takes no date in the past. */
const DEPRECATION_MARGIN_MS = 2 * 60_000;

/** The tags a copy is wanted with: copied ones, then given ones; ours are not among them. */
export function wantedImageTags(
  request: Pick<CopyRequest, "copyTags" | "tags">,
  sourceTags: Tags,
): Record<string, string> {
  return { ...(request.copyTags ? withoutReserved(sourceTags) : {}), ...request.tags };
}

/** All of a fresh copy that is not said in its registration but its snapshots' permissions. */
export function wishesFor(
  request: CopyRequest,
  { image, ownerOnly }: SourceImage,
  route: Route,
  nowMs: number,
): ImageWishes {
  const deprecationTime = futureDeprecation(image, nowMs);
  const { deregistrationProtection, instanceTypes } = image;
  return {
    description: request.description ?? image.description,
    tags: wantedImageTags(request, image.tags),
    launchPermissions: mapPermissions(request, ownerOnly?.launchPermissions ?? [], route).mapped,
    disabled: image.state === "disabled",
    ...(deprecationTime !== undefined && { deprecationTime }),
    ...(deregistrationProtection !== undefined && { deregistrationProtection }),
    ...(instanceTypes !== undefined && { instanceTypes }),
  };
}

/** The permissions of the copy's snapshots; `undefined` when nobody has asked for them. */
export function snapshotWishes(
  request: CopyRequest,
  { volumes }: SourceImage,
  copies: readonly Pick<SnapshotCopy, "sourceSnapshotId" | "snapshotId" | "deviceName">[],
  route: Route,
): Record<string, SnapshotPermission[]> | undefined {
  if (request.copyLaunchPermissions === undefined) return undefined;
  const wishes: Record<string, SnapshotPermission[]> = {};
  for (const { deviceName, bootedFrom, snapshot, permissions } of volumes) {
    const { mapped } = mapPermissions(request, permissions ?? [], route);
    for (const copy of copies) {
      if (copy.sourceSnapshotId !== (bootedFrom ?? snapshot.snapshotId)) continue;
      // After a boot two devices of one snapshot have a copy each.
      if (bootedFrom !== undefined && copy.deviceName !== deviceName) continue;
      wishes[copy.snapshotId] = mapped;
    }
  }
  return wishes;
}

export interface MappedPermissions<Permission> {
  readonly mapped: Permission[];
  /** Those that mean nothing at the destination. */
  readonly dropped: Permission[];
}

/** Nothing is mapped and nothing dropped unless permissions were asked for. */
export function mapPermissions<Permission extends LaunchPermission>(
  { copyLaunchPermissions }: { readonly copyLaunchPermissions?: PermissionMap },
  permissions: readonly Permission[],
  { source, destination }: Route,
): MappedPermissions<Permission> {
  const mapped: Permission[] = [];
  const dropped: Permission[] = [];
  if (copyLaunchPermissions === undefined) return { mapped, dropped };
  const isOnePartition = source.partition === destination.partition;
  for (const permission of permissions) {
    const { userId } = permission;
    const other = userId === undefined ? undefined : copyLaunchPermissions.accountIds[userId];
    // A group is the same word everywhere; accounts and organisations are those of a partition.
    if (other === undefined && !isOnePartition && permission.group === undefined) {
      dropped.push(permission);
    } else if ((other ?? userId) !== destination.accountId) {
      const after = other === undefined ? permission : { ...permission, userId: other };
      // Two accounts of the source's side may be one of the destination's.
      if (!mapped.some((one) => isDeepStrictEqual(one, after))) mapped.push(after);
    }
  }
  return { mapped, dropped };
}

/** The source's deprecation date, when it can still be set. */
export function futureDeprecation(image: Image, nowMs: number): string | undefined {
  const { deprecationTime } = image;
  if (deprecationTime === undefined) return undefined;
  return canBeDeprecatedAt(deprecationTime, nowMs) ? deprecationTime : undefined;
}

/** @param time - ISO 8601. */
export function canBeDeprecatedAt(time: string, nowMs: number): boolean {
  return Date.parse(time) > nowMs + DEPRECATION_MARGIN_MS;
}

/** Devices as the copy is to have them; snapshots are still the source's. */
export function wantedDevices(
  { blockDevices }: Pick<CopyRequest, "blockDevices">,
  image: Image,
): BlockDevice[] {
  return image.blockDevices.map((device) => {
    const change = blockDevices?.[device.deviceName];
    if (change === undefined || device.kind === "ephemeral") return device;
    if ((change.volumeType ?? device.volumeType) === device.volumeType) {
      return { ...device, ...change };
    }
    // Another type has other figures: those of the old one would not fit.
    const { iops: _iops, throughputMibps: _throughput, ...rest } = device;
    return { ...rest, ...change };
  });
}
