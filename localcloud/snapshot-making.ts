/**
 * How a snapshot comes to be, whoever asks: CreateSnapshot, CreateSnapshots, CreateImage. First
 * everything is checked, then records are made, then the bytes are copied.
 */

import { rm, stat } from "node:fs/promises";
import { join } from "node:path";
import type { Call } from "./call.ts";
import { findKey } from "./encryption.ts";
import { newId } from "./ids.ts";
import { ApiError } from "./protocol/api-error.ts";
import type { SnapshotRecord, SnapshotState } from "./records/snapshot.ts";
import type { VolumeRecord } from "./records/volume.ts";
import { nobody } from "./sharing.ts";
import { State } from "./states.ts";

/** Snapshots of one volume in the making: 5, but 1 of st1 and sc1 (Service Quotas). */
const PENDING_MAX_COUNT = 5;
const PENDING_MAX_COUNT_HDD = 1;
/** [EBSUG ebs-copy-snapshot] */
export const KEY_NOT_ACCESSIBLE = "Given key ID is not accessible";

/** @throws ApiError when one of the volumes cannot have a snapshot made of it now. */
export function checkSnapshotable(call: Call, volumes: readonly VolumeRecord[]): void {
  for (const volume of volumes) checkVolume(call, volume);
  const { quotas } = call.store.settings;
  const all = [...call.store.snapshots.values()];
  const pending = all.filter((one) => one.state.at(call.nowMs) === "pending");
  if (call.dryRun) return;
  if (pending.length + volumes.length > quotas.pendingSnapshots) {
    throw new ApiError(
      "PendingSnapshotLimitExceeded",
      `You have reached the limit of ${quotas.pendingSnapshots} snapshots in progress.`,
    );
  }
  if (all.length + volumes.length > quotas.snapshots) {
    throw new ApiError(
      "SnapshotLimitExceeded",
      `You have reached the limit of ${quotas.snapshots} snapshots.`,
    );
  }
}

function checkVolume(call: Call, volume: VolumeRecord): void {
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

/** A pending snapshot without bytes: {@link freeze} must follow. */
export function makeSnapshot(
  call: Call,
  volume: VolumeRecord,
  words: { readonly description: string; readonly tags: Map<string, string> },
): SnapshotRecord {
  const { cloud, store } = call;
  volume.lastSnapshotMs = call.nowMs;
  const id = newId("snap");
  const snapshot: SnapshotRecord = {
    id,
    tags: words.tags,
    ownerId: call.account.id,
    volumeId: volume.id,
    description: words.description,
    sizeGib: volume.sizeGib,
    encrypted: volume.encrypted,
    kmsKeyArn: volume.kmsKeyArn,
    billing: volume.billing,
    startedAt: call.now,
    completedAt: undefined,
    state: new State<SnapshotState>("pending", call.nowMs).later(
      "completed",
      Number.POSITIVE_INFINITY,
    ),
    stateMessage: undefined,
    storageTier: "standard",
    path: join(cloud.directory, "snapshots", id),
    fullSizeBytes: 0,
    createVolume: nobody(),
  };
  store.snapshots.set(id, snapshot);
  return snapshot;
}

/**
 * The bytes are copied before the call returns: a snapshot is of the moment of the call, and what
 * is written to the volume afterwards must not be in it. Only the state takes longer. A key that
 * has meanwhile been taken away shows there, not in the call.
 */
export async function freeze(
  call: Call,
  volume: VolumeRecord,
  snapshot: SnapshotRecord,
): Promise<void> {
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
  if (snapshot.kmsKeyArn !== undefined && findKey(call, snapshot.kmsKeyArn) === undefined) {
    snapshot.stateMessage = KEY_NOT_ACCESSIBLE;
    snapshot.state.set("pending", now).later("error", doneMs);
    return;
  }
  snapshot.completedAt = new Date(doneMs);
  snapshot.state.set("pending", now).later("completed", doneMs);
}
