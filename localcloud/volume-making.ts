/**
 * How a volume comes to be, whoever asks: CreateVolume or the block device mappings of
 * RunInstances. First everything is checked and becomes a plan, then the plan is carried out.
 */

import { truncate } from "node:fs/promises";
import { join } from "node:path";
import type { Call } from "./call.ts";
import type { Billing } from "./catalog/billing.ts";
import type { Zone } from "./catalog/regions.ts";
import { chooseEncryption, type Encryption } from "./encryption.ts";
import { newId } from "./ids.ts";
import {
  ApiError,
  invalidCombination,
  invalidValue,
  missingParameter,
} from "./protocol/api-error.ts";
import type { SnapshotRecord } from "./records/snapshot.ts";
import type { VolumeRecord } from "./records/volume.ts";
import { State } from "./states.ts";

const GIB_BYTES = 1024 ** 3;

interface TypeLimits {
  readonly sizeGib: readonly [number, number];
  readonly iops?: readonly [number, number];
  readonly throughput?: readonly [number, number];
  readonly iopsPerGib?: number;
}

/** [SDK EbsBlockDevice, CreateVolumeRequest] */
const LIMITS: Readonly<Record<string, TypeLimits>> = {
  gp3: { sizeGib: [1, 65_536], iops: [3000, 80_000], throughput: [125, 2000], iopsPerGib: 500 },
  gp2: { sizeGib: [1, 16_384] },
  io1: { sizeGib: [4, 16_384], iops: [100, 64_000], iopsPerGib: 50 },
  io2: { sizeGib: [4, 65_536], iops: [100, 256_000], iopsPerGib: 1000 },
  st1: { sizeGib: [125, 16_384] },
  sc1: { sizeGib: [125, 16_384] },
  standard: { sizeGib: [1, 1024] },
};
const GP3_IOPS_DEFAULT = 3000;
const GP3_THROUGHPUT_DEFAULT = 125;
/** gp3: 0.25 MiB/s per provisioned IOPS. [EBSUG general-purpose] */
const GP3_THROUGHPUT_PER_IOPS = 0.25;

export interface VolumeRequest {
  /** Beside the snapshot's: product codes of the image that the volume is launched from. */
  readonly billing?: Billing | undefined;
  readonly SnapshotId?: string | undefined;
  readonly Size?: number | undefined;
  readonly VolumeType?: string | undefined;
  readonly Iops?: number | undefined;
  readonly Throughput?: number | undefined;
  readonly Encrypted?: boolean | undefined;
  readonly KmsKeyId?: string | undefined;
  readonly VolumeInitializationRate?: number | undefined;
}

export interface VolumePlan {
  readonly sizeGib: number;
  readonly type: string;
  readonly iops: number | undefined;
  readonly throughput: number | undefined;
  readonly encryption: Encryption;
  readonly snapshot: SnapshotRecord | undefined;
  readonly billing: Billing | undefined;
  /** MiB/s */
  readonly initializationRate: number | undefined;
}

/** Type, size and speed of a volume, with EC2's defaults. Also the rules for a mapping of an image. */
export function planShape(
  request: VolumeRequest,
  snapshotSizeGib: number | undefined,
  defaultType: string,
): Pick<VolumePlan, "sizeGib" | "type" | "iops" | "throughput"> {
  const type = request.VolumeType ?? defaultType;
  const limits = Object.hasOwn(LIMITS, type) ? LIMITS[type] : undefined;
  if (limits === undefined) {
    throw new ApiError(
      "UnknownVolumeType",
      `Unsupported volume type '${type}' for volume creation.`,
    );
  }
  const sizeGib = request.Size ?? snapshotSizeGib;
  if (sizeGib === undefined) throw missingParameter("size/snapshot");
  const [least, most] = limits.sizeGib;
  if (!Number.isInteger(sizeGib) || sizeGib < least || sizeGib > most) {
    throw invalidValue(
      `Volume of ${sizeGib}GiB is invalid for volume type ${type}; expecting ${least} to ${most} GiB`,
    );
  }
  if (snapshotSizeGib !== undefined && sizeGib < snapshotSizeGib) {
    throw new ApiError(
      "InvalidParameterValue",
      `Volume of size ${sizeGib}GB is smaller than snapshot '${request.SnapshotId}', ` +
        `expect size >= ${snapshotSizeGib}GB`,
    );
  }
  return { sizeGib, type, ...planSpeed(request, { type, sizeGib, limits }) };
}

/** The words are of hashicorp/terraform-provider-aws#18654. */
export function checkTypeOffered(call: Call, type: string): void {
  if (!call.store.settings.missingVolumeTypes.includes(type)) return;
  throw new ApiError(
    "VolumeTypeNotAvailableInRegion",
    `The request can not be fulfilled as '${type}' volumes are not supported in this region.`,
  );
}

function planSpeed(
  request: VolumeRequest,
  volume: { readonly type: string; readonly sizeGib: number; readonly limits: TypeLimits },
): { iops: number | undefined; throughput: number | undefined } {
  const { type, sizeGib, limits } = volume;
  if (request.Iops !== undefined && limits.iops === undefined) {
    throw invalidCombination(`The parameter iops is not supported for ${type} volumes.`);
  }
  if (request.Throughput !== undefined && limits.throughput === undefined) {
    throw invalidCombination(`The parameter throughput is not supported for ${type} volumes.`);
  }
  if (type === "gp2") {
    return { iops: Math.min(16_000, Math.max(100, 3 * sizeGib)), throughput: undefined };
  }
  if (limits.iops === undefined) return { iops: undefined, throughput: undefined };
  const iops = request.Iops ?? (type === "gp3" ? GP3_IOPS_DEFAULT : undefined);
  if (iops === undefined) throw missingParameter("iops");
  const [least, most] = limits.iops;
  const ratio = limits.iopsPerGib ?? Number.POSITIVE_INFINITY;
  if (iops < least || iops > most) {
    throw invalidValue(`Volume iops of ${iops} is out of range; expecting ${least} to ${most}.`);
  }
  if (iops > least && iops > ratio * sizeGib) {
    throw invalidCombination(
      `Iops to volume size ratio of ${iops}/${sizeGib} is too high; maximum is ${ratio} IOPS per GiB`,
    );
  }
  if (limits.throughput === undefined) return { iops, throughput: undefined };
  const throughput = request.Throughput ?? GP3_THROUGHPUT_DEFAULT;
  const [slowest, fastest] = limits.throughput;
  if (throughput < slowest || throughput > fastest) {
    throw invalidValue(
      `Throughput of ${throughput} MiB/s is out of range; expecting ${slowest} to ${fastest}.`,
    );
  }
  if (throughput > iops * GP3_THROUGHPUT_PER_IOPS) {
    throw invalidCombination(
      `Throughput (MiBps) to iops ratio of ${throughput / iops} is too high; maximum is 0.25 MiBps per iops.`,
    );
  }
  return { iops, throughput };
}

/**
 * @param snapshot - Of `request.SnapshotId`, already found by the rules of the caller.
 * @throws ApiError with EC2's codes.
 */
export function planVolume(
  call: Call,
  request: VolumeRequest,
  snapshot: SnapshotRecord | undefined,
): VolumePlan {
  if (snapshot !== undefined && snapshot.state.at(call.nowMs) !== "completed") {
    throw new ApiError(
      "IncorrectState",
      `Snapshot is in invalid state - ${snapshot.state.at(call.nowMs)} (${snapshot.id})`,
    );
  }
  if (snapshot?.storageTier === "archive") {
    throw new ApiError(
      "IncorrectState",
      `The snapshot ${snapshot.id} is archived: restore it first`,
    );
  }
  const shape = planShape(request, snapshot?.sizeGib, "gp2");
  checkTypeOffered(call, shape.type);
  return {
    ...shape,
    encryption: chooseEncryption(call, request, snapshot),
    snapshot,
    billing: request.billing ?? snapshot?.billing,
    initializationRate: checkInitialization(request, snapshot),
  };
}

/** [SDK CreateVolumeRequest.VolumeInitializationRate]: 100 to 300 MiB/s, only of snapshots. */
function checkInitialization(
  { VolumeInitializationRate: rate }: VolumeRequest,
  snapshot: SnapshotRecord | undefined,
): number | undefined {
  if (rate === undefined) return undefined;
  if (snapshot === undefined) {
    throw invalidCombination("The parameter volumeInitializationRate requires a snapshot.");
  }
  if (rate >= 100 && rate <= 300) return rate;
  throw invalidValue(`Volume initialization rate of ${rate} is invalid; expecting 100 to 300.`);
}

/** [errors-overview] VolumeLimitExceeded, for each type by itself; a dry run asks only about rights. */
export function checkVolumeQuota(call: Call, plans: readonly VolumePlan[]): void {
  const { settings, volumes } = call.store;
  if (call.dryRun) return;
  for (const [type, wanted] of Map.groupBy(plans, ({ type }) => type)) {
    const usedGib = [...volumes.values()]
      .filter((one) => one.type === type)
      .reduce((sum, one) => sum + one.sizeGib, 0);
    const wantedGib = wanted.reduce((sum, one) => sum + one.sizeGib, 0);
    if (usedGib + wantedGib <= settings.quotas.volumeGib) continue;
    throw new ApiError(
      "VolumeLimitExceeded",
      `You have reached the limit of ${settings.quotas.volumeGib} GiB of ${type} volumes; ` +
        `${usedGib} GiB are there and ${wantedGib} GiB were requested.`,
    );
  }
}

/** Carries the plan out. The volume is `creating` until its file is there and the delay is over. */
export function makeVolume(
  call: Call,
  plan: VolumePlan,
  place: { readonly zone: Zone; readonly tags: Map<string, string> },
): VolumeRecord {
  const { cloud, store } = call;
  const id = newId("vol");
  const volume: VolumeRecord = {
    id,
    tags: place.tags,
    zone: place.zone,
    sizeGib: plan.sizeGib,
    type: plan.type,
    iops: plan.iops,
    throughput: plan.throughput,
    encrypted: plan.encryption.encrypted,
    kmsKeyArn: plan.encryption.kmsKeyArn,
    snapshotId: plan.snapshot?.id,
    billing: plan.billing,
    initializationRate: plan.initializationRate,
    createdAt: call.now,
    state: new State("creating", call.nowMs),
    path: join(cloud.directory, "volumes", id),
    ready: Promise.resolve(),
    attachment: undefined,
    lastSnapshotMs: undefined,
  };
  store.volumes.set(id, volume);
  volume.ready = fill(call, plan, volume);
  // Whoever needs the bytes awaits `ready` and sees the failure there.
  volume.ready.catch(() => volume.state.set("error", cloud.now()));
  cloud.inBackground(volume.ready.catch(() => {}));
  return volume;
}

async function fill(call: Call, plan: VolumePlan, volume: VolumeRecord): Promise<void> {
  const { cloud } = call;
  const delay = cloud.wait(cloud.delays.volumeCreating);
  // Awaited below; a cloud that ends in between must not make it an unhandled rejection.
  delay.catch(() => {});
  if (!plan.encryption.keyUsable) {
    await delay;
    throw new Error(`the key ${plan.encryption.kmsKeyArn} cannot be used`);
  }
  const sizeBytes = plan.sizeGib * GIB_BYTES;
  if (plan.snapshot?.path === undefined) {
    await cloud.machinery.createDisk(volume.path, sizeBytes);
  } else {
    await cloud.machinery.cloneDisk(plan.snapshot.path, volume.path, cloud.closing);
    await truncate(volume.path, sizeBytes);
  }
  await delay;
  if (volume.state.at(cloud.now()) === "creating") {
    volume.state.set(volume.attachment === undefined ? "available" : "in-use", cloud.now());
  }
}
