/** The block device mappings of RegisterImage. */

import type { BlockDeviceMapping, RegisterImageRequest } from "@aws-sdk/client-ec2";
import { type Call, refuseMembers } from "../call.ts";
import { ApiError } from "../protocol/api-error.ts";
import { findSnapshot } from "../sharing.ts";
import { checkTypeOffered, planShape } from "../volume-making.ts";
import { checkDeviceName } from "./instance-lookup.ts";
import { invalidMapping } from "./launch-volumes.ts";

const EBS_MEMBERS = [
  "DeleteOnTermination",
  "Encrypted",
  "Iops",
  "SnapshotId",
  "Throughput",
  "VolumeSize",
  "VolumeType",
];

/** @returns The mappings as DescribeImages shows them, with defaults filled in. */
export function planImageMappings(call: Call, input: RegisterImageRequest): BlockDeviceMapping[] {
  const root = input.RootDeviceName;
  const seen = new Set<string>();
  const planned: BlockDeviceMapping[] = [];
  for (const mapping of input.BlockDeviceMappings ?? []) {
    const name = mapping.DeviceName ?? "";
    checkDeviceName(name);
    if (seen.has(name)) {
      throw invalidMapping(`The device '${name}' is used in more than one block-device mapping`);
    }
    seen.add(name);
    if (mapping.NoDevice !== undefined) continue;
    if (mapping.VirtualName !== undefined) {
      if (!/^ephemeral([0-9]|1[0-9]|2[0-3])$/.test(mapping.VirtualName)) {
        throw invalidMapping(`'${mapping.VirtualName}' is not ephemeral0 to ephemeral23`);
      }
      planned.push({ DeviceName: name, VirtualName: mapping.VirtualName });
    } else {
      planned.push(planEbs(call, mapping, name === root));
    }
  }
  if (planned.find((one) => one.DeviceName === root)?.Ebs?.SnapshotId === undefined) {
    throw invalidMapping(`The root device '${root}' has no mapping with a snapshot`);
  }
  return planned;
}

/** One EBS device; also one that CreateImage adds to those of the instance. */
export function planEbs(
  call: Call,
  mapping: BlockDeviceMapping,
  root: boolean,
): BlockDeviceMapping {
  const { DeviceName: name, Ebs: ebs = {} } = mapping;
  if (ebs.KmsKeyId !== undefined) {
    // [SDK EbsBlockDevice.KmsKeyId]: only RunInstances and its like know it.
    throw invalidMapping(`KmsKeyId cannot be specified for device ${name} of an image`);
  }
  refuseMembers(ebs, EBS_MEMBERS, "BlockDeviceMapping.Ebs");
  const { SnapshotId: snapshotId } = ebs;
  if (snapshotId !== undefined && ebs.Encrypted !== undefined) {
    // [SDK EbsBlockDevice.Encrypted]: whatever its value.
    throw invalidMapping(
      `the encrypted flag cannot be specified since device ${name} has a snapshot specified.`,
    );
  }
  const snapshot = snapshotId === undefined ? undefined : findSnapshot(call, snapshotId);
  if (snapshot !== undefined && snapshot.state.at(call.nowMs) !== "completed") {
    throw new ApiError(
      "IncorrectState",
      `Snapshot is in invalid state - ${snapshot.state.at(call.nowMs)} (${snapshot.id})`,
    );
  }
  const shape = planShape({ ...ebs, Size: ebs.VolumeSize }, snapshot?.sizeGib, "standard");
  checkTypeOffered(call, shape.type);
  if (root && ["st1", "sc1"].includes(shape.type)) {
    throw invalidMapping(`A volume of type ${shape.type} cannot be a root device`);
  }
  return {
    DeviceName: name,
    Ebs: {
      ...(snapshotId === undefined ? {} : { SnapshotId: snapshotId }),
      VolumeSize: shape.sizeGib,
      VolumeType: shape.type as "gp3",
      ...(shape.type === "gp2" || shape.iops === undefined ? {} : { Iops: shape.iops }),
      ...(shape.throughput === undefined ? {} : { Throughput: shape.throughput }),
      DeleteOnTermination: ebs.DeleteOnTermination ?? root,
      Encrypted: snapshot?.encrypted ?? ebs.Encrypted ?? false,
    },
  };
}
