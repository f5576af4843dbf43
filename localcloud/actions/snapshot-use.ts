/** Which images need a snapshot, and what becomes of one that nobody needs. */

import { rm } from "node:fs/promises";
import type { Call } from "../call.ts";
import type { ImageRecord } from "../records/image.ts";
import type { SnapshotRecord } from "../records/snapshot.ts";
import type { Store } from "../store.ts";

/** Registered images of any account, since a snapshot may be shared. */
export function imagesUsing(call: Call, snapshotId: string): ImageRecord[] {
  return call.cloud
    .storesIn(call.region)
    .flatMap((store) => [...store.images.values()])
    .filter((image) => !image.deregistered)
    .filter((image) => image.mappings.some((one) => one.Ebs?.SnapshotId === snapshotId));
}

/** The snapshot and its bytes are gone; a volume that is just being made of it is not disturbed. */
export async function removeSnapshot(store: Store, snapshot: SnapshotRecord): Promise<void> {
  store.snapshots.delete(snapshot.id);
  const filling = [...store.volumes.values()].filter(
    (volume) => volume.snapshotId === snapshot.id && volume.state.at(Date.now()) === "creating",
  );
  await Promise.all(filling.map((volume) => volume.ready.catch(() => {})));
  if (snapshot.path !== undefined) await rm(snapshot.path, { force: true });
}
