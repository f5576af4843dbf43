/**
 * On what a source can be started: types that fit the image, and the subnets in which they are
 * offered. What only EC2 knows (which types the image allows, which have a NitroTPM) the launch tells.
 */

import type { SnapshotDevice } from "../ec2/block-device.ts";
import type { Ec2 } from "../ec2/ec2.ts";
import type { Image } from "../ec2/image.ts";
import type { InstanceTypeFacts } from "../ec2/instance.ts";
import type { Subnet } from "../ec2/network.ts";
import { candidateSubnets, type NoChoice } from "./choose-helper.ts";

/** Ours: small and cheap first, since it runs for seconds; then those that more images allow. */
const BOOT_TYPES = [
  ...["t4g.small", "t4g.medium", "c7g.medium", "m7g.medium", "c7g.large", "m7g.large", "m6g.large"],
  ...["t3.small", "t3a.small", "t3.medium", "m5.large", "c5.large", "m6i.large", "c6i.large"],
  ...["m7i.large", "c7i.large"],
  // Not Nitro, for images without ENA.
  ...["t2.small", "t2.micro", "m4.large"],
] as const;

export interface BootChoice {
  readonly instanceType: string;
  readonly subnet: Subnet;
}

/** The devices that are copied: blank and ephemeral ones have nothing to copy. */
export function snapshotDevices({ blockDevices }: Image): SnapshotDevice[] {
  return blockDevices.filter((device) => device.kind === "snapshot");
}

/** `isPlace`: there is no subnet, so that the helper has none either. */
export async function chooseBoot(
  cloud: Ec2,
  image: Image,
  subnetId: string | undefined,
): Promise<{ choices: BootChoice[] } | { none: NoChoice; isPlace: boolean }> {
  const found = await candidateSubnets(cloud, subnetId);
  if ("none" in found) return { ...found, isPlace: true };
  const [types, offerings] = await Promise.all([
    cloud.describeInstanceTypes(BOOT_TYPES),
    cloud.describeOfferings(BOOT_TYPES),
  ]);
  const offered = new Set(offerings.map(({ instanceType, zone }) => `${instanceType} ${zone}`));
  const fitting = new Map(
    types.filter((type) => fits(type, image)).map((type) => [type.instanceType, type]),
  );
  const choices = BOOT_TYPES.filter((name) => fitting.has(name)).flatMap((instanceType) =>
    found.subnets
      .filter(({ availabilityZone }) => offered.has(`${instanceType} ${availabilityZone}`))
      .map((subnet) => ({ instanceType, subnet })),
  );
  if (choices.length > 0) return { choices };
  return {
    none: {
      wish: "subnetId",
      message:
        `none of the types we know (${BOOT_TYPES[0]}, …) can start ${image.imageId} ` +
        `(${image.architecture}, ${snapshotDevices(image).length} volumes) in ${cloud.region}`,
      hint: "Give helper.source.subnetId in another zone, or have the snapshots shared.",
    },
    isPlace: false,
  };
}

function fits(type: InstanceTypeFacts, image: Image): boolean {
  const needsNitro = image.bootMode === "uefi" || image.tpmSupport !== undefined;
  return (
    type.architectures.includes(image.architecture) &&
    (type.isNitro ? image.enaSupport : !needsNitro) &&
    type.maximumVolumes >= snapshotDevices(image).length
  );
}
