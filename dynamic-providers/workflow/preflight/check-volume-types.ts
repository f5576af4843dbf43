/**
 * Does the destination's region offer the copy's volume types? No describe tells, and the registration
 * comes after the transfer. A dry run of CreateVolume looks at its parameters as well as at rights, as
 * kubernetes-retired/kube-aws#1208 shows; that it looks at this one is not written down anywhere, so
 * that an answer which refuses the type is believed, and no other says anything.
 */

import { Role, Tag } from "../../../agent/contract.ts";
import type { BlockDevice } from "../../ec2/block-device.ts";
import { isCloudError } from "../../ec2/cloud-error.ts";
import type { Ec2 } from "../../ec2/ec2.ts";
import { wantedDevices } from "../carry-over.ts";
import type { CopyRequest } from "../copy-request.ts";
import type { SourceImage } from "../describe-source.ts";
import type { Problem } from "./problem.ts";

type EbsDevice = Exclude<BlockDevice, { readonly kind: "ephemeral" }>;

/** Every region has them; of gp3 are the helpers' own. */
const EVERYWHERE = ["gp2", "gp3"];

/** Of the region, not of one zone: there the registration does not care. */
const CODES = ["VolumeTypeNotAvailableInRegion", "UnknownVolumeType"];

/** Ours. A size that every type has. */
const ANY_SIZE_GIB = 500;

/** As a run's: a policy may ask for the tags by name. */
const TAGS = {
  [Tag.run]: "0000000000000000",
  [Tag.role]: Role.licenseDonor,
  [Tag.attempt]: "1",
  [Tag.expires]: "2026-01-01T00:00:00.000Z",
};

/** @param availabilityZone - Any of the region. */
export async function checkVolumeTypes(
  request: CopyRequest,
  source: SourceImage,
  availabilityZone: string,
  cloud: Ec2,
): Promise<Problem[]> {
  const devices = wantedDevices(request, source.image).filter(
    (device): device is EbsDevice =>
      device.kind !== "ephemeral" && !EVERYWHERE.includes(device.volumeType ?? "gp2"),
  );
  const byType = Map.groupBy(devices, ({ volumeType = "" }) => volumeType);
  const groups = await Promise.all(
    [...byType.values()].map(async (those) => {
      const [first] = those;
      if (first === undefined || (await isOffered(first, availabilityZone, cloud))) return [];
      return those.map((device) => toProblem(device, cloud.region));
    }),
  );
  return groups.flat();
}

async function isOffered(device: EbsDevice, availabilityZone: string, cloud: Ec2) {
  const { volumeType = "", volumeSizeGib: sizeGib = ANY_SIZE_GIB, iops, throughputMibps } = device;
  try {
    await cloud.tryCreateVolume({
      availabilityZone,
      sizeGib,
      volumeType,
      ...(iops !== undefined && { iops }),
      ...(throughputMibps !== undefined && { throughputMibps }),
      tags: TAGS,
    });
    return true;
  } catch (error) {
    if (!isCloudError(error)) throw error;
    return !CODES.includes(error.code);
  }
}

function toProblem({ deviceName, volumeType }: EbsDevice, region: string): Problem {
  return {
    property: `blockDevices["${deviceName}"]`,
    message: `${region} does not offer the volume type of ${deviceName} (${volumeType}).`,
    hint: `Give it a volumeType that ${region} offers, with the argument blockDevices.`,
  };
}
