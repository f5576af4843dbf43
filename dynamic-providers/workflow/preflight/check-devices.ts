/**
 * Are the copy's devices such as EC2 makes? Pure. Source of the ranges: EbsBlockDevice in EC2's API
 * reference; a region may offer less, which only the launch of an instance would tell.
 */

import type { BlockDevice } from "../../ec2/block-device.ts";
import { wantedDevices } from "../carry-over.ts";
import type { CopyRequest, DeviceChange } from "../copy-request.ts";
import type { SourceImage } from "../describe-source.ts";
import type { Problem } from "./problem.ts";

type EbsDevice = Exclude<BlockDevice, { readonly kind: "ephemeral" }>;

interface Range {
  readonly min: number;
  readonly max: number;
}

interface VolumeTypeLimits {
  readonly sizeGib: Range;
  /** Absent: it cannot be given. */
  readonly iops?: Range;
  readonly throughputMibps?: Range;
  readonly iopsPerGib?: number;
  /** Without a figure for its operations per second there is no such volume. */
  readonly needsIops?: true;
  readonly boots: boolean;
}

const LIMITS: Readonly<Record<string, VolumeTypeLimits>> = {
  gp2: { sizeGib: { min: 1, max: 16_384 }, boots: true },
  gp3: {
    sizeGib: { min: 1, max: 65_536 },
    iops: { min: 3_000, max: 80_000 },
    throughputMibps: { min: 125, max: 2_000 },
    iopsPerGib: 500,
    boots: true,
  },
  io1: {
    sizeGib: { min: 4, max: 16_384 },
    iops: { min: 100, max: 64_000 },
    iopsPerGib: 50,
    needsIops: true,
    boots: true,
  },
  io2: {
    sizeGib: { min: 4, max: 65_536 },
    iops: { min: 100, max: 256_000 },
    iopsPerGib: 1_000,
    needsIops: true,
    boots: true,
  },
  st1: { sizeGib: { min: 125, max: 16_384 }, boots: false },
  sc1: { sizeGib: { min: 125, max: 16_384 }, boots: false },
  standard: { sizeGib: { min: 1, max: 1_024 }, boots: true },
};

/** EBS user guide: a gp3 volume moves this much for each of its operations per second. */
const GP3_MIBPS_PER_IOPS = 0.25;
const GP3_IOPS_DEFAULT = 3_000;

export function checkDevices(request: CopyRequest, source: SourceImage | undefined): Problem[] {
  if (source === undefined) return [];
  const { image } = source;
  const names = new Set(image.blockDevices.map(({ deviceName }) => deviceName));
  const unknown = Object.keys(request.blockDevices ?? {}).filter((name) => !names.has(name));
  return [
    ...unknown.map((name) => ({
      property: `blockDevices["${name}"]`,
      message: `${image.imageId} has no device ${name}.`,
      hint: `Its devices are ${[...names].join(", ")}.`,
    })),
    ...wantedDevices(request, image).flatMap((device) => deviceProblems(request, source, device)),
  ];
}

function deviceProblems(request: CopyRequest, source: SourceImage, device: BlockDevice): Problem[] {
  if (device.kind === "ephemeral") return [];
  const { deviceName, volumeType = "standard", volumeSizeGib, iops, throughputMibps } = device;
  const property = `blockDevices["${deviceName}"]`;
  const limits = LIMITS[volumeType];
  const hint = `Give ${property} with what the destination is to have.`;
  if (limits === undefined) {
    return [{ property, message: `${deviceName} is of type ${volumeType}, not known here.`, hint }];
  }
  const name = `${deviceName} (${volumeType})`;
  const sentences = [
    outside(name, volumeSizeGib, limits.sizeGib, "GiB"),
    outside(name, iops, limits.iops, "IOPS"),
    outside(name, throughputMibps, limits.throughputMibps, "MiB/s"),
    deviceName === source.image.rootDeviceName && !limits.boots
      ? `No instance boots from ${name}.`
      : undefined,
    smallerThanSnapshot(source, device),
    unbalanced(name, device, limits),
    surplus(name, request.blockDevices?.[deviceName], limits),
  ];
  return sentences
    .filter((message) => message !== undefined)
    .map((message) => ({ property, message, hint }));
}

function outside(
  name: string,
  value: number | undefined,
  range: Range | undefined,
  unit: string,
): string | undefined {
  if (value === undefined || range === undefined) return undefined;
  if (value >= range.min && value <= range.max) return undefined;
  return `${name} has ${value} ${unit}; EC2 allows ${range.min} to ${range.max}.`;
}

/** Figures that are each in their range and do not go together. */
function unbalanced(
  name: string,
  { iops, throughputMibps, volumeSizeGib }: EbsDevice,
  { iopsPerGib, needsIops, iops: range }: VolumeTypeLimits,
): string | undefined {
  if (iops === undefined && needsIops) return `${name} needs a figure for iops.`;
  const iopsMax =
    iopsPerGib === undefined || volumeSizeGib === undefined
      ? undefined
      : Math.max(range?.min ?? 0, iopsPerGib * volumeSizeGib);
  if (iops !== undefined && iopsMax !== undefined && iops > iopsMax) {
    return `${name} has ${iops} IOPS; with ${volumeSizeGib} GiB EC2 allows ${iopsMax}.`;
  }
  const mibpsMax = (iops ?? GP3_IOPS_DEFAULT) * GP3_MIBPS_PER_IOPS;
  if (throughputMibps === undefined || throughputMibps <= mibpsMax) return undefined;
  return `${name} has ${throughputMibps} MiB/s; with ${iops ?? GP3_IOPS_DEFAULT} IOPS EC2 allows ${mibpsMax}.`;
}

/** A figure that was asked for and that this type does not take. */
function surplus(
  name: string,
  change: DeviceChange | undefined,
  limits: VolumeTypeLimits,
): string | undefined {
  const figures = (["iops", "throughputMibps"] as const).filter(
    (key) => change?.[key] !== undefined && limits[key] === undefined,
  );
  return figures.length === 0 ? undefined : `${name} takes no ${figures.join(" and no ")}.`;
}

function smallerThanSnapshot({ volumes }: SourceImage, device: EbsDevice): string | undefined {
  if (device.kind !== "snapshot" || device.volumeSizeGib === undefined) return undefined;
  const volume = volumes.find(({ snapshot }) => snapshot.snapshotId === device.snapshotId);
  if (volume === undefined || device.volumeSizeGib >= volume.snapshot.volumeSizeGib) {
    return undefined;
  }
  const { volumeSizeGib, snapshotId } = volume.snapshot;
  return `${device.deviceName} would have ${device.volumeSizeGib} GiB, less than the ${volumeSizeGib} GiB of ${snapshotId}.`;
}
