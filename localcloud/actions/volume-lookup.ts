/** Finding volumes by their ids. */

import { checkId, notFound } from "../ids.ts";
import type { VolumeRecord } from "../records.ts";
import type { Store } from "../store.ts";

/** @throws ApiError `InvalidVolumeID.Malformed`, `InvalidVolume.NotFound`. */
export function findVolume(store: Store, id: string | undefined): VolumeRecord {
  checkId("vol", id ?? "");
  const volume = store.volumes.get(id ?? "");
  if (volume === undefined) throw notFound("vol", id ?? "");
  return volume;
}

export function findVolumes(store: Store, ids: readonly string[]): VolumeRecord[] {
  for (const id of ids) checkId("vol", id);
  const missing = ids.find((id) => !store.volumes.has(id));
  if (missing !== undefined) throw notFound("vol", missing);
  return [...store.volumes.values()].filter((one) => ids.includes(one.id));
}
