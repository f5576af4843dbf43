/** A device of an image, in the SDK's words. */

import type { BlockDeviceMapping } from "@aws-sdk/client-ec2";
import type { BlockDevice } from "./block-device.ts";

/** As RegisterImage and CreateImage take it. */
export function toSdkDevice(device: BlockDevice): BlockDeviceMapping {
  if (device.kind === "ephemeral") {
    return { DeviceName: device.deviceName, VirtualName: device.virtualName };
  }
  return {
    DeviceName: device.deviceName,
    Ebs: {
      DeleteOnTermination: device.deleteOnTermination,
      VolumeSize: device.volumeSizeGib,
      VolumeType: device.volumeType as NonNullable<BlockDeviceMapping["Ebs"]>["VolumeType"],
      Iops: device.iops,
      Throughput: device.throughputMibps,
      // Encrypted next to a snapshot is refused whatever its value: the snapshot decides.
      ...(device.kind === "snapshot"
        ? { SnapshotId: device.snapshotId }
        : { Encrypted: device.encrypted }),
    },
  };
}
