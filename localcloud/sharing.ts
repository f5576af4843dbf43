/**
 * Which things a caller may see or use: its own, and those that their owner opened to everyone or
 * to the caller's account. Sharing never crosses a region, so never a partition either.
 */

import type { Call } from "./call.ts";
import { checkId, notFound } from "./ids.ts";
import { ApiError } from "./protocol/api-error.ts";
import type { ImageRecord, Sharing, SnapshotRecord } from "./records.ts";

export function nobody(): Sharing {
  return { accountIds: new Set(), everyone: false };
}

export function mayUse(sharing: Sharing, ownerId: string, accountId: string): boolean {
  return ownerId === accountId || sharing.everyone || sharing.accountIds.has(accountId);
}

/** Images that the caller may launch, those deregistered not. */
export function visibleImages(call: Call): ImageRecord[] {
  return call.cloud
    .storesIn(call.region)
    .flatMap((store) => [...store.images.values()])
    .filter((one) => !one.deregistered && mayUse(one.launch, one.ownerId, call.account.id))
    .filter((one) => !one.disabled || one.ownerId === call.account.id);
}

/** Snapshots of which the caller may make volumes. */
export function visibleSnapshots(call: Call): SnapshotRecord[] {
  return call.cloud
    .storesIn(call.region)
    .flatMap((store) => [...store.snapshots.values()])
    .filter((one) => mayUse(one.createVolume, one.ownerId, call.account.id));
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
