/**
 * Which things a caller may see or use: its own, and those that their owner opened to everyone or
 * to the caller's account. Sharing never crosses a region, so never a partition either.
 */

import { organizationsOf } from "./accounts.ts";
import { isHidden } from "./allowed-images.ts";
import type { Call } from "./call.ts";
import { checkId, notFound } from "./ids.ts";
import { ApiError } from "./protocol/api-error.ts";
import type { ImageRecord } from "./records/image.ts";
import type { Sharing } from "./records/sharing.ts";
import type { SnapshotRecord } from "./records/snapshot.ts";

export function nobody(): Sharing {
  return { accountIds: new Set(), organizationArns: new Set(), everyone: false };
}

export function everyone(): Sharing {
  return { ...nobody(), everyone: true };
}

/** @param account - The caller's, or another's of the same partition. */
export function mayUse(
  sharing: Sharing,
  ownerId: string,
  account: { readonly id: string; readonly partition: string },
): boolean {
  return ownerId === account.id || sharing.everyone || isSharedWith(sharing, account);
}

/** By name, or through an organization; not because everyone may. */
export function isSharedWith(
  sharing: Sharing,
  account: { readonly id: string; readonly partition: string },
): boolean {
  return (
    sharing.accountIds.has(account.id) ||
    (sharing.organizationArns.size > 0 &&
      organizationsOf(account.id, account.partition).some((arn) =>
        sharing.organizationArns.has(arn),
      ))
  );
}

export function shareWithNobody(sharing: Sharing): void {
  sharing.accountIds.clear();
  sharing.organizationArns.clear();
  sharing.everyone = false;
}

/** Images that the caller may launch: not those deregistered, nor those it allows itself not. */
export function visibleImages(call: Call): ImageRecord[] {
  const who = { accountId: call.account.id, nowMs: call.nowMs };
  return call.cloud
    .storesIn(call.region)
    .flatMap((store) => [...store.images.values()])
    .filter((one) => !one.deregistered && mayUse(one.launch, one.ownerId, call.account))
    .filter((one) => !one.disabled || one.ownerId === call.account.id)
    .filter((one) => !isHidden(call.store.settings, one, who));
}

/** Snapshots of which the caller may make volumes. */
export function visibleSnapshots(call: Call): SnapshotRecord[] {
  return call.cloud
    .storesIn(call.region)
    .flatMap((store) => [...store.snapshots.values()])
    .filter((one) => mayRead(call, one));
}

/** Whether the caller may make volumes of it. An owner may have taken back all public sharing. */
export function mayRead(call: Call, snapshot: SnapshotRecord): boolean {
  const { createVolume, ownerId } = snapshot;
  if (!mayUse(createVolume, ownerId, call.account)) return false;
  if (ownerId === call.account.id || isSharedWith(createVolume, call.account)) return true;
  const { settings } = call.cloud.store(ownerId, call.region.name);
  return settings.snapshotBlockPublicAccess !== "block-all-sharing";
}

/** @throws ApiError `InvalidAMIID.Malformed`, `.NotFound`. */
export function findImage(call: Call, id: string | undefined): ImageRecord {
  checkId("ami", id ?? "");
  const image = visibleImages(call).find((one) => one.id === id);
  if (image === undefined) throw notFound("ami", id ?? "");
  return image;
}

/** @throws ApiError `InvalidSnapshotID.Malformed`, `InvalidSnapshot.NotFound`. */
export function findSnapshot(call: Call, id: string | undefined): SnapshotRecord {
  checkId("snap", id ?? "");
  const snapshot = visibleSnapshots(call).find((one) => one.id === id);
  if (snapshot === undefined) throw notFound("snap", id ?? "");
  return snapshot;
}

/** An image that the caller owns; one that it may only use is refused. */
export function findOwnImage(call: Call, id: string | undefined): ImageRecord {
  checkId("ami", id ?? "");
  const own = call.store.images.get(id ?? "");
  if (own?.deregistered) {
    throw new ApiError("InvalidAMIID.Unavailable", `The image ID '${id}' is no longer available`);
  }
  if (own !== undefined) return own;
  findImage(call, id);
  throw new ApiError("AuthFailure", `Not authorized for image:${id}`);
}

/** A snapshot that the caller owns; one that it may only use is refused. */
export function findOwnSnapshot(call: Call, id: string | undefined): SnapshotRecord {
  checkId("snap", id ?? "");
  const own = call.store.snapshots.get(id ?? "");
  if (own !== undefined) return own;
  findSnapshot(call, id);
  throw new ApiError(
    "UnauthorizedOperation",
    `You are not authorized to perform this operation on the snapshot ${id}, which another account owns.`,
  );
}
