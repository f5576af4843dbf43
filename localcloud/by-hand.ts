/** What a person does to a localcloud without the AWS API: export a snapshot, look. */

import { AMAZON_ACCOUNT_ID } from "./accounts.ts";
import {
  AdminError,
  type ExportedSnapshot,
  type ExportSnapshotRequest,
  type ListedRegion,
  type ListedThing,
  type Listing,
} from "./admin.ts";
import { findPlace } from "./place.ts";
import type { Cloud, Store } from "./store.ts";

const GIB_BYTES = 1024 ** 3;

/** The bytes of a completed snapshot as a raw file. */
export async function exportSnapshot(
  cloud: Cloud,
  request: ExportSnapshotRequest,
): Promise<ExportedSnapshot> {
  const { account, store } = findPlace(cloud, request);
  const snapshot = store.snapshots.get(request.snapshotId);
  if (snapshot === undefined) {
    throw new AdminError(
      404,
      `there is no snapshot ${request.snapshotId} of ${account.profile} in ${request.region}`,
    );
  }
  const state = snapshot.state.at(cloud.now());
  if (state !== "completed") {
    throw new AdminError(409, `the snapshot ${snapshot.id} is ${state}, not completed`);
  }
  // Only Amazon's are without, and nobody here speaks for Amazon.
  if (snapshot.path === undefined) {
    throw new AdminError(409, `the snapshot ${snapshot.id} has no bytes`);
  }
  await cloud.machinery.exportDisk(snapshot.path, request.path);
  return { sizeBytes: snapshot.sizeGib * GIB_BYTES };
}

/** What somebody made, of the kinds below, and that is still there (terminated instances too). */
export function list(cloud: Cloud): Listing {
  const regions = cloud
    .allStores()
    .filter((store) => store.accountId !== AMAZON_ACCOUNT_ID)
    .map((store): ListedRegion => {
      const account = cloud.accounts.find(store.accountId, store.partition.name);
      return {
        account: store.accountId,
        profile: account?.profile ?? "",
        partition: store.partition.name,
        region: store.region.name,
        things: listThings(store, cloud.now()),
      };
    });
  return { regions: regions.filter((region) => region.things.length > 0) };
}

function listThings(store: Store, nowMs: number): ListedThing[] {
  const thing = (
    kind: string,
    one: { readonly id: string; readonly tags: ReadonlyMap<string, string> },
    state: string,
    details: Readonly<Record<string, string | number>>,
  ): ListedThing => ({ kind, id: one.id, state, tags: Object.fromEntries(one.tags), details });
  const groups = [...store.groups.values()].filter((group) => group.name !== "default");
  return [
    ...[...store.images.values()]
      .filter((image) => !image.deregistered)
      .map((image) =>
        thing("image", image, image.disabled ? "disabled" : image.state.at(nowMs), {
          name: image.name,
        }),
      ),
    ...[...store.snapshots.values()].map((one) =>
      thing("snapshot", one, one.state.at(nowMs), { sizeGib: one.sizeGib }),
    ),
    ...[...store.volumes.values()].map((one) =>
      thing("volume", one, one.state.at(nowMs), {
        sizeGib: one.sizeGib,
        ...(one.attachment === undefined ? {} : { instance: one.attachment.instanceId }),
      }),
    ),
    ...[...store.instances.values()].map((one) =>
      thing("instance", one, one.state.at(nowMs), {
        type: one.type.name,
        address: one.networkInterface.privateAddress,
      }),
    ),
    ...groups.map((group) => thing("security-group", group, "", { name: group.name })),
  ];
}
