/** The block device mappings of RunInstances, over those of the image. */

import type { BlockDeviceMapping, EbsBlockDevice } from "@aws-sdk/client-ec2";
import { type Call, refuseMembers } from "../call.ts";
import type { InstanceType } from "../catalog/instance-types.ts";
import { ApiError } from "../protocol/api-error.ts";
import type { ImageRecord } from "../records/image.ts";
import type { SnapshotRecord } from "../records/snapshot.ts";
import { findSnapshot } from "../sharing.ts";
import { planVolume, type VolumePlan } from "../volume-making.ts";
import { checkDeviceName } from "./instance-lookup.ts";

export interface LaunchVolume {
  readonly deviceName: string;
  readonly plan: VolumePlan;
  readonly deleteOnTermination: boolean;
}

interface Wanted {
  readonly deviceName: string;
  readonly ebs: EbsBlockDevice;
  /** From the image: its snapshot may be used without being shared. */
  readonly ofImage: boolean;
}

/** @throws ApiError `InvalidBlockDeviceMapping` and whatever the volumes are refused with. */
export function planLaunchVolumes(
  call: Call,
  request: {
    readonly image: ImageRecord;
    readonly type: InstanceType;
    readonly mappings: readonly BlockDeviceMapping[] | undefined;
  },
): LaunchVolume[] {
  const { image, type } = request;
  const wanted = merge(image, checkMappings(request.mappings ?? []));
  if (wanted.length > type.maximumEbsAttachments) {
    throw new ApiError(
      "AttachmentLimitExceeded",
      `${type.name} can have ${type.maximumEbsAttachments} volumes; ${wanted.length} were requested`,
    );
  }
  return wanted.map(({ deviceName, ebs, ofImage }) => {
    const root = deviceName === image.rootDeviceName;
    // What the image is billed as goes to its root volume, and so into what is made of that.
    const billing = root ? image.billing : undefined;
    const snapshot = ofImage
      ? findImageSnapshot(call, ebs.SnapshotId)
      : ebs.SnapshotId === undefined
        ? undefined
        : findSnapshot(call, ebs.SnapshotId);
    return {
      deviceName,
      plan: planVolume(call, { ...ebs, Size: ebs.VolumeSize, billing }, snapshot),
      deleteOnTermination: ebs.DeleteOnTermination ?? root,
    };
  });
}

function checkMappings(mappings: readonly BlockDeviceMapping[]): readonly BlockDeviceMapping[] {
  const seen = new Set<string>();
  for (const mapping of mappings) {
    const name = mapping.DeviceName ?? "";
    checkDeviceName(name);
    if (seen.has(name)) {
      throw invalidMapping(`The device '${name}' is used in more than one block-device mapping`);
    }
    seen.add(name);
    refuseMembers(
      mapping.Ebs,
      [
        "DeleteOnTermination",
        "Iops",
        "SnapshotId",
        "VolumeSize",
        "VolumeType",
        "KmsKeyId",
        "Throughput",
        "Encrypted",
        "VolumeInitializationRate",
      ],
      "BlockDeviceMapping.Ebs",
    );
    const kinds = [mapping.Ebs, mapping.NoDevice, mapping.VirtualName];
    if (kinds.filter((kind) => kind !== undefined).length !== 1) {
      throw invalidMapping(
        `The mapping of '${name}' must have exactly one of Ebs, NoDevice and VirtualName`,
      );
    }
  }
  return mappings;
}

/** What the request says of a device of the image goes over what the image says. */
function merge(image: ImageRecord, requested: readonly BlockDeviceMapping[]): Wanted[] {
  const wanted = new Map<string, Wanted>();
  for (const { DeviceName: name = "", Ebs: ebs } of image.mappings) {
    if (ebs === undefined) continue;
    // What the image shows as Encrypted is its snapshot's; a blank volume's is its own.
    const { Encrypted: encrypted, ...rest } = ebs;
    const blank = ebs.SnapshotId === undefined && encrypted !== undefined;
    const shown = blank ? { ...rest, Encrypted: encrypted } : rest;
    wanted.set(name, { deviceName: name, ebs: shown, ofImage: ebs.SnapshotId !== undefined });
  }
  for (const { DeviceName: name = "", Ebs: ebs, NoDevice: noDevice } of requested) {
    if (noDevice !== undefined) wanted.delete(name);
    if (ebs === undefined) continue;
    const base = wanted.get(name);
    const otherSnapshot = ebs.SnapshotId !== undefined && ebs.SnapshotId !== base?.ebs.SnapshotId;
    if (name === image.rootDeviceName && otherSnapshot) {
      throw invalidMapping(`snapshotId cannot be modified on root device '${name}'`);
    }
    if (base === undefined || otherSnapshot) {
      wanted.set(name, { deviceName: name, ebs, ofImage: false });
    } else {
      wanted.set(name, { ...base, ebs: override(base.ebs, ebs) });
    }
  }
  if (!wanted.has(image.rootDeviceName)) {
    throw invalidMapping(`The root device '${image.rootDeviceName}' cannot be left out`);
  }
  return [...wanted.values()];
}

function override(base: EbsBlockDevice, ebs: EbsBlockDevice): EbsBlockDevice {
  const merged = { ...base, ...ebs };
  // Another type does not keep the speed that was set for the image's.
  if (ebs.VolumeType !== undefined && ebs.VolumeType !== base.VolumeType) {
    merged.Iops = ebs.Iops;
    merged.Throughput = ebs.Throughput;
  }
  return merged;
}

/** Whoever may launch an image may use its snapshots for that, whoever owns them. */
function findImageSnapshot(call: Call, id: string | undefined): SnapshotRecord {
  for (const store of call.cloud.storesIn(call.region)) {
    const snapshot = store.snapshots.get(id ?? "");
    if (snapshot !== undefined) return snapshot;
  }
  throw new ApiError("InvalidSnapshot.NotFound", `The snapshot '${id}' does not exist.`);
}

export function invalidMapping(message: string): ApiError {
  return new ApiError("InvalidBlockDeviceMapping", message);
}
