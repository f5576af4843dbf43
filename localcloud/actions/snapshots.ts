/** CreateSnapshot, CreateSnapshots, DescribeSnapshots, DeleteSnapshot. */

import type {
  CreateSnapshotRequest,
  CreateSnapshotsRequest,
  CreateSnapshotsResult,
  DeleteSnapshotRequest,
  DescribeSnapshotsRequest,
  DescribeSnapshotsResult,
  Snapshot,
  SnapshotInfo,
} from "@aws-sdk/client-ec2";
import { AMAZON_ACCOUNT_ID } from "../accounts.ts";
import { type Action, type Call, ec2Action, refuseMembers } from "../call.ts";
import { applyFilters, type FilterTable } from "../filters.ts";
import { checkId, notFound } from "../ids.ts";
import { paginate } from "../paging.ts";
import { ApiError, missingParameter } from "../protocol/api-error.ts";
import type { SnapshotRecord } from "../records/snapshot.ts";
import { findOwnSnapshot, mayUse, visibleSnapshots } from "../sharing.ts";
import { checkSnapshotable, freeze, makeSnapshot } from "../snapshot-making.ts";
import { readTagSpecifications, tagList } from "../tags.ts";
import { findOne } from "./find-named.ts";
import { checkDescription } from "./image-name.ts";
import { findInstance, volumesOf } from "./instance-lookup.ts";
import { imagesUsing, removeSnapshot } from "./snapshot-use.ts";

export const SNAPSHOT_ACTIONS: readonly Action[] = [
  ec2Action<CreateSnapshotRequest, SnapshotInfo>(
    "CreateSnapshot",
    ["Description", "VolumeId", "TagSpecifications"],
    createSnapshot,
  ),
  ec2Action<CreateSnapshotsRequest, CreateSnapshotsResult>(
    "CreateSnapshots",
    ["CopyTagsFromSource", "Description", "InstanceSpecification", "TagSpecifications"],
    createSnapshots,
  ),
  ec2Action<DescribeSnapshotsRequest, DescribeSnapshotsResult>(
    "DescribeSnapshots",
    ["Filters", "MaxResults", "NextToken", "OwnerIds", "RestorableByUserIds", "SnapshotIds"],
    describeSnapshots,
  ),
  ec2Action<DeleteSnapshotRequest, object>("DeleteSnapshot", ["SnapshotId"], deleteSnapshot),
];

async function createSnapshot(input: CreateSnapshotRequest, call: Call): Promise<SnapshotInfo> {
  const volume = findOne("vol", call.store.volumes, input.VolumeId);
  checkDescription(input.Description);
  checkSnapshotable(call, [volume]);
  const tags = readTagSpecifications(input.TagSpecifications, ["snapshot"])("snapshot");
  call.commit();
  const snapshot = makeSnapshot(call, volume, { description: input.Description ?? "", tags });
  const answer = describeNew(snapshot, call);
  await freeze(call, volume, snapshot);
  return answer;
}

/** All of an instance's volumes at one moment. */
async function createSnapshots(
  input: CreateSnapshotsRequest,
  call: Call,
): Promise<CreateSnapshotsResult> {
  const { InstanceSpecification: wish, CopyTagsFromSource: copyTags } = input;
  refuseMembers(
    wish,
    ["InstanceId", "ExcludeBootVolume", "ExcludeDataVolumeIds"],
    "InstanceSpecification",
  );
  const instance = findInstance(call, wish?.InstanceId);
  const volumes = volumesOf(call, instance).filter((volume) => {
    const root = volume.attachment?.device === instance.imageRootDeviceName;
    return root
      ? wish?.ExcludeBootVolume !== true
      : !wish?.ExcludeDataVolumeIds?.includes(volume.id);
  });
  if (volumes.length === 0) throw missingParameter("volumes");
  checkDescription(input.Description);
  checkSnapshotable(call, volumes);
  const tagsFor = readTagSpecifications(input.TagSpecifications, ["snapshot"]);
  call.commit();
  const made = volumes.map((volume) => {
    const inherited = copyTags === "volume" ? volume.tags : [];
    const tags = new Map([...inherited, ...tagsFor("snapshot")]);
    const words = { description: input.Description ?? "", tags };
    return { volume, snapshot: makeSnapshot(call, volume, words) };
  });
  const answers = made.map(({ snapshot }) => describeNew(snapshot, call));
  await Promise.all(made.map(({ volume, snapshot }) => freeze(call, volume, snapshot)));
  return { Snapshots: answers };
}

function describeNew(snapshot: SnapshotRecord, call: Call): SnapshotInfo {
  return { ...describeCommon(snapshot, call), State: "pending", Progress: "" };
}

const FILTERS: (call: Call) => FilterTable<SnapshotRecord> = (call) => ({
  description: (one) => one.description,
  encrypted: (one) => one.encrypted,
  "owner-alias": (one) => ownerAlias(one),
  "owner-id": (one) => one.ownerId,
  progress: (one) => progress(one, call),
  "snapshot-id": (one) => one.id,
  "start-time": (one) => one.startedAt,
  status: (one) => one.state.at(call.nowMs),
  "storage-tier": (one) => one.storageTier,
  "volume-id": (one) => one.volumeId,
  "volume-size": (one) => one.sizeGib,
});

function describeSnapshots(input: DescribeSnapshotsRequest, call: Call): DescribeSnapshotsResult {
  const ids = input.SnapshotIds ?? [];
  for (const id of ids) checkId("snap", id);
  const visible = visibleSnapshots(call);
  const missing = ids.find((id) => !visible.some((one) => one.id === id));
  if (missing !== undefined) throw notFound("snap", missing);
  const wanted = visible
    .filter((one) => ids.length === 0 || ids.includes(one.id))
    .filter((one) => isOwnedBy(one, input.OwnerIds, call))
    .filter((one) => isRestorableBy(one, input.RestorableByUserIds, call));
  const page = paginate(applyFilters(wanted, input.Filters, FILTERS(call)), input, {
    minimum: 5,
    maximum: 1000,
    ids,
  });
  return {
    Snapshots: page.items.map((one) => describeSnapshot(one, call)),
    NextToken: page.NextToken,
  };
}

function isOwnedBy(
  snapshot: SnapshotRecord,
  owners: readonly string[] | undefined,
  call: Call,
): boolean {
  if (owners === undefined || owners.length === 0) return true;
  return owners.some((owner) => {
    if (owner === "self") return snapshot.ownerId === call.account.id;
    if (owner === "amazon") return ownerAlias(snapshot) === "amazon";
    if (!/^\d{12}$/.test(owner)) {
      throw new ApiError("InvalidUserID.Malformed", `Invalid user id: "${owner}"`);
    }
    return snapshot.ownerId === owner;
  });
}

function isRestorableBy(
  snapshot: SnapshotRecord,
  users: readonly string[] | undefined,
  call: Call,
): boolean {
  if (users === undefined || users.length === 0) return true;
  return users.some((user) => {
    if (user === "all") return snapshot.createVolume.everyone;
    const accountId = user === "self" ? call.account.id : user;
    const { partition } = call.account;
    return mayUse(snapshot.createVolume, snapshot.ownerId, { id: accountId, partition });
  });
}

function ownerAlias(snapshot: SnapshotRecord): string | undefined {
  return snapshot.ownerId === AMAZON_ACCOUNT_ID ? "amazon" : undefined;
}

/** Whole percents; 100 only when it is completed. */
function progress(snapshot: SnapshotRecord, call: Call): string {
  if (snapshot.state.at(call.nowMs) === "completed") return "100%";
  return `${Math.min(99, Math.floor(snapshot.state.progressAt(call.nowMs) * 100))}%`;
}

function describeSnapshot(snapshot: SnapshotRecord, call: Call): Snapshot {
  const state = snapshot.state.at(call.nowMs);
  const alias = ownerAlias(snapshot);
  const completed = state === "completed" && snapshot.completedAt !== undefined;
  return {
    ...describeCommon(snapshot, call),
    State: state,
    Progress: progress(snapshot, call),
    StorageTier: snapshot.storageTier,
    FullSnapshotSizeInBytes: snapshot.fullSizeBytes,
    ...(state === "error" && snapshot.stateMessage !== undefined
      ? { StateMessage: snapshot.stateMessage }
      : {}),
    ...(completed ? { CompletionTime: snapshot.completedAt } : {}),
    ...(alias === undefined ? {} : { OwnerAlias: alias }),
    ...(snapshot.kmsKeyArn === undefined ? {} : { KmsKeyId: snapshot.kmsKeyArn }),
  };
}

function describeCommon(snapshot: SnapshotRecord, call: Call) {
  return {
    SnapshotId: snapshot.id,
    VolumeId: snapshot.volumeId,
    VolumeSize: snapshot.sizeGib,
    OwnerId: snapshot.ownerId,
    Description: snapshot.description,
    Encrypted: snapshot.encrypted,
    StartTime: snapshot.startedAt,
    ...(snapshot.ownerId === call.account.id ? tagList(snapshot.tags) : {}),
  };
}

async function deleteSnapshot(input: DeleteSnapshotRequest, call: Call): Promise<object> {
  const snapshot = findOwnSnapshot(call, input.SnapshotId);
  const [image] = imagesUsing(call, snapshot.id);
  if (image !== undefined) {
    throw new ApiError(
      "InvalidSnapshot.InUse",
      `The snapshot ${snapshot.id} is currently in use by ${image.id}`,
    );
  }
  call.commit();
  await removeSnapshot(call.store, snapshot);
  return {};
}
