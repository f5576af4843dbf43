/** CreateSnapshot, DescribeSnapshots, DeleteSnapshot. */

import { rm, stat } from "node:fs/promises";
import { join } from "node:path";
import type {
  CreateSnapshotRequest,
  DeleteSnapshotRequest,
  DescribeSnapshotsRequest,
  DescribeSnapshotsResult,
  Snapshot,
  SnapshotInfo,
} from "@aws-sdk/client-ec2";
import { AMAZON_ACCOUNT_ID } from "../accounts.ts";
import { type Action, type Call, ec2Action } from "../call.ts";
import { applyFilters, type FilterTable } from "../filters.ts";
import { checkId, newId, notFound } from "../ids.ts";
import { paginate } from "../paging.ts";
import { ApiError } from "../protocol/api-error.ts";
import type { SnapshotRecord, VolumeRecord } from "../records.ts";
import { findOwnSnapshot, mayUse, nobody, visibleSnapshots } from "../sharing.ts";
import { State } from "../states.ts";
import { readTagSpecifications, tagList } from "../tags.ts";
import { checkDescription } from "./images.ts";
import { imagesUsing, removeSnapshot } from "./snapshot-use.ts";
import { findVolume } from "./volumes.ts";

export const SNAPSHOT_ACTIONS: readonly Action[] = [
  ec2Action<CreateSnapshotRequest, SnapshotInfo>(
    "CreateSnapshot",
    ["Description", "VolumeId", "TagSpecifications"],
    createSnapshot,
  ),
  ec2Action<DescribeSnapshotsRequest, DescribeSnapshotsResult>(
    "DescribeSnapshots",
    ["Filters", "MaxResults", "NextToken", "OwnerIds", "RestorableByUserIds", "SnapshotIds"],
    describeSnapshots,
  ),
  ec2Action<DeleteSnapshotRequest, object>("DeleteSnapshot", ["SnapshotId"], deleteSnapshot),
];

/** Snapshots of one volume in the making: 5, but 1 of st1 and sc1 (Service Quotas). */
const PENDING_MAX_COUNT = 5;
const PENDING_MAX_COUNT_HDD = 1;

async function createSnapshot(input: CreateSnapshotRequest, call: Call): Promise<SnapshotInfo> {
  const { cloud, store } = call;
  const volume = findVolume(store, input.VolumeId);
  checkDescription(input.Description);
  checkSnapshotable(call, volume);
  const tags = readTagSpecifications(input.TagSpecifications, ["snapshot"])("snapshot");
  call.commit();
  volume.lastSnapshotMs = call.nowMs;
  const id = newId("snap");
  const snapshot: SnapshotRecord = {
    id,
    tags,
    ownerId: call.account.id,
    volumeId: volume.id,
    description: input.Description ?? "",
    sizeGib: volume.sizeGib,
    encrypted: volume.encrypted,
    kmsKeyArn: volume.kmsKeyArn,
    startedAt: call.now,
    completedAt: undefined,
    state: new State<SnapshotRecord["state"] extends State<infer Name> ? Name : never>(
      "pending",
      call.nowMs,
    ).later("completed", Number.POSITIVE_INFINITY),
    path: join(cloud.directory, "snapshots", id),
    fullSizeBytes: 0,
    createVolume: nobody(),
  };
  store.snapshots.set(id, snapshot);
  const answer: SnapshotInfo = {
    ...describeCommon(snapshot, call),
    State: "pending",
    Progress: "",
  };
  await freeze(call, volume, snapshot);
  return answer;
}

/**
 * The bytes are copied before the call returns: a snapshot is of the moment of the call, and what
 * is written to the volume afterwards must not be in it. Only the state takes longer.
 */
async function freeze(call: Call, volume: VolumeRecord, snapshot: SnapshotRecord): Promise<void> {
  const { cloud } = call;
  const path = snapshot.path ?? "";
  try {
    await cloud.machinery.cloneDisk(volume.path, path, cloud.closing);
    snapshot.fullSizeBytes = (await stat(path)).blocks * 512;
  } catch (error) {
    snapshot.state.set("error", cloud.now());
    throw error;
  }
  if (call.store.snapshots.get(snapshot.id) !== snapshot) {
    // Deleted while it was being made.
    await rm(path, { force: true });
    return;
  }
  const now = cloud.now();
  const doneMs = now + cloud.delays.snapshotPending;
  snapshot.completedAt = new Date(doneMs);
  snapshot.state.set("pending", now).later("completed", doneMs);
}

function checkSnapshotable(call: Call, volume: VolumeRecord): void {
  const state = volume.state.at(call.nowMs);
  if (state !== "available" && state !== "in-use") {
    throw new ApiError("IncorrectState", `Volume '${volume.id}' is '${state}'.`);
  }
  const pending = [...call.store.snapshots.values()].filter(
    (one) => one.volumeId === volume.id && one.state.at(call.nowMs) === "pending",
  );
  const most = ["st1", "sc1"].includes(volume.type) ? PENDING_MAX_COUNT_HDD : PENDING_MAX_COUNT;
  if (pending.length >= most) {
    throw new ApiError(
      "ConcurrentSnapshotLimitExceeded",
      `Maximum allowed in-progress snapshots for a single volume exceeded: ${volume.id}`,
    );
  }
  const since = call.nowMs - (volume.lastSnapshotMs ?? Number.NEGATIVE_INFINITY);
  if (since < call.cloud.delays.snapshotInterval) {
    throw new ApiError(
      "SnapshotCreationPerVolumeRateExceeded",
      `The maximum per volume CreateSnapshot request rate has been exceeded for ${volume.id}. ` +
        "Use an increasing or variable sleep interval between requests.",
    );
  }
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
  "storage-tier": () => "standard",
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
    return mayUse(snapshot.createVolume, snapshot.ownerId, accountId);
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
    StorageTier: "standard",
    FullSnapshotSizeInBytes: snapshot.fullSizeBytes,
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
