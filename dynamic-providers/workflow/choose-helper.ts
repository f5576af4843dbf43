/**
 * Where a helper can run: images, types, zones and subnets in the order in which they are tried.
 * Looks and never changes anything, so that preflight asks the same question.
 */

import type { Ec2 } from "../ec2/ec2.ts";
import type { Image } from "../ec2/image.ts";
import type { InstanceTypeFacts } from "../ec2/instance.ts";
import type { Subnet } from "../ec2/network.ts";
import { mayLaunch } from "./allowed-types.ts";
import type { HelperRequest } from "./copy-request.ts";
import { findPlaces, type Place, type Reach } from "./find-reach.ts";
import { deviceNames } from "./helper-job.ts";

/** One way to launch a helper. */
export interface HelperChoice {
  readonly instanceType: string;
  readonly imageId: string;
  /** The image's own EBS devices. */
  readonly ownDevices: readonly string[];
  readonly subnet: Subnet;
  /** The same kind in all choices. */
  readonly reach: Reach;
  readonly type: InstanceTypeFacts;
}

/** Why there is no choice, and which wish to change. */
export interface NoChoice {
  readonly wish: "instanceType" | "imageId" | "subnetId" | "volumes";
  readonly message: string;
  readonly hint: string;
}

/** Choices, at least one and the best first; or why there are none. */
export type FoundHelper = { choices: HelperChoice[] } | { none: NoChoice[] };

/**
 * Ours, best first: arm64 before x86 (cheaper per bit), the ones whose EBS and network are balanced
 * for the 5 Gbit/s an internet gateway gives to small instances before the others.
 */
export const HELPER_TYPES = [
  ...["c8gb.xlarge", "c8gn.xlarge", "c7gn.xlarge", "c8g.xlarge", "c7g.xlarge", "m7g.xlarge"],
  ...["c8gb.large", "c8gn.large", "c7gn.large", "c8g.large", "c7g.large", "m7g.large"],
  ...["c8i.xlarge", "c7i.xlarge", "c6in.xlarge", "m7i.xlarge", "c6i.xlarge"],
  ...["c8i.large", "c7i.large", "c6in.large", "m7i.large", "c6i.large", "t3.large", "t3.medium"],
] as const;

/** Newest Amazon Linux 2023, in every partition under this owner and name. */
const IMAGE_OWNER = "amazon";
const IMAGE_NAME = "al2023-ami-2023.*";

/** @param isDonor - Its own volumes leave before those of the copy come. */
export async function chooseHelper(
  cloud: Ec2,
  wishes: HelperRequest,
  volumeCount: number,
  { isDonor = false } = {},
): Promise<FoundHelper> {
  const subnets = await candidateSubnets(cloud, wishes.subnetId);
  if ("none" in subnets) return { none: [subnets.none] };
  const found = await findPlaces(cloud, wishes, subnets.subnets);
  if ("none" in found) return { none: [{ wish: "subnetId", ...found.none }] };
  const images = await candidateImages(cloud, wishes.imageId);
  if ("none" in images) return { none: [images.none] };
  return placeHelper(cloud, { wishes, volumeCount, isDonor, images, places: found.places });
}

/** The subnets a helper may be in: the given one, or the default subnet of every zone. */
export async function candidateSubnets(
  cloud: Ec2,
  subnetId: string | undefined,
): Promise<{ subnets: Subnet[] } | { none: NoChoice }> {
  const subnets = await cloud.describeSubnets(
    subnetId === undefined ? { defaults: true } : { subnetIds: [subnetId] },
  );
  if (subnets.length > 0) {
    const byZone = (a: Subnet, b: Subnet) => (a.availabilityZone < b.availabilityZone ? -1 : 1);
    return { subnets: subnets.sort(byZone) };
  }
  const none: NoChoice =
    subnetId === undefined
      ? {
          wish: "subnetId",
          message: `there is no default VPC with a default subnet in ${cloud.region}`,
          hint: "Give the subnet for the helper instance.",
        }
      : {
          wish: "subnetId",
          message: `subnet ${subnetId} does not exist in ${cloud.region}`,
          hint: "Give a subnet of this account and region, or none for the default VPC.",
        };
  return { none };
}

interface Placement {
  readonly wishes: HelperRequest;
  readonly volumeCount: number;
  readonly isDonor: boolean;
  readonly images: ReadonlyMap<string, Image>;
  readonly places: readonly Place[];
}

async function placeHelper(
  cloud: Ec2,
  { wishes, volumeCount, isDonor, images, places }: Placement,
): Promise<FoundHelper> {
  const { instanceType } = wishes;
  const wanted: readonly string[] = instanceType === undefined ? HELPER_TYPES : [instanceType];
  const [types, offerings] = [
    new Map((await cloud.describeInstanceTypes(wanted)).map((type) => [type.instanceType, type])),
    new Set((await cloud.describeOfferings(wanted)).map((o) => `${o.instanceType} ${o.zone}`)),
  ];
  const choices: HelperChoice[] = [];
  const tooSmall: string[] = [];
  let refusing: Image | undefined;
  for (const name of wanted) {
    const type = types.get(name);
    const image = type?.architectures.flatMap((name) => images.get(name) ?? [])[0];
    if (type === undefined || !type.isNitro || image === undefined) continue;
    if (!mayLaunch(image, name)) {
      refusing = image;
      continue;
    }
    const ownDevices = ebsDevices(image);
    const taken = deviceNames(volumeCount).find((name) => ownDevices.includes(name));
    if (taken !== undefined && !isDonor) return { none: [deviceTaken(image, taken)] };
    // A helper's own root takes one place.
    const room = type.maximumVolumes - (isDonor ? 0 : Math.max(1, ownDevices.length));
    if (room < volumeCount) {
      tooSmall.push(`${name} holds ${room}`);
      continue;
    }
    for (const { subnet, reach } of places) {
      if (!offerings.has(`${name} ${subnet.availabilityZone}`)) continue;
      const { imageId } = image;
      choices.push({ instanceType: name, imageId, ownDevices, subnet, reach, type });
    }
  }
  if (choices.length > 0) return { choices };
  if (instanceType !== undefined && types.get(instanceType)?.isNitro === false) {
    return { none: [notNitro(instanceType)] };
  }
  if (refusing !== undefined && tooSmall.length === 0) {
    return { none: [notAllowed(refusing, instanceType)] };
  }
  return { none: [whyNone({ cloud, wishes, tooSmall, volumeCount, places, images })] };
}

function notNitro(instanceType: string): NoChoice {
  return {
    wish: "instanceType",
    message: `instance type ${instanceType} is not built on Nitro, so its console cannot be followed`,
    hint: "Give a current type, or none.",
  };
}

function notAllowed(image: Image, instanceType: string | undefined): NoChoice {
  const { supported = [], unsupported = [] } = image.instanceTypes ?? {};
  const only = supported.length === 0 ? "any type" : `${supported.join(", ")} only`;
  const not = unsupported.length === 0 ? "" : ` and not as ${unsupported.join(", ")}`;
  const which =
    instanceType === undefined
      ? "none of the helper types we know is such"
      : `${instanceType} is none`;
  return {
    wish: instanceType === undefined ? "imageId" : "instanceType",
    message: `image ${image.imageId} may be launched as ${only}${not}, by its owner's wish, and ${which}`,
    hint: "Give an image without such a wish, or an instance type that it allows.",
  };
}

function whyNone(facts: {
  cloud: Ec2;
  wishes: HelperRequest;
  tooSmall: readonly string[];
  volumeCount: number;
  places: readonly Place[];
  images: ReadonlyMap<string, Image>;
}): NoChoice {
  const { cloud, wishes, tooSmall, volumeCount, places, images } = facts;
  if (tooSmall.length > 0) {
    return {
      wish: "volumes",
      message:
        `${volumeCount} volumes do not fit on one helper in ${cloud.region}: ` +
        `besides its root ${tooSmall.slice(0, 3).join(", ")}`,
      hint: "Give a helper instance type that holds more EBS volumes.",
    };
  }
  const zones = places.map(({ subnet }) => subnet.availabilityZone).join(", ");
  const architectures = [...images.keys()].join(" or ");
  const subject =
    wishes.instanceType === undefined
      ? `none of the helper types we know (${HELPER_TYPES[0]}, …)`
      : `instance type ${wishes.instanceType}`;
  const verb = wishes.instanceType === undefined ? "is" : "is not";
  return {
    wish: "instanceType",
    message: `${subject} ${verb} offered for ${architectures} in ${zones}`,
    hint: "Give another instance type, or a subnet in a zone that offers it.",
  };
}

function ebsDevices({ blockDevices }: Image): string[] {
  return blockDevices.flatMap(({ kind, deviceName }) => (kind === "ephemeral" ? [] : deviceName));
}

function deviceTaken({ imageId }: Image, deviceName: string): NoChoice {
  return {
    wish: "imageId",
    message: `helper image ${imageId} has a volume at ${deviceName}, where one that is copied goes`,
    hint: "Give an image whose devices are none of /dev/sdf to /dev/sdz.",
  };
}

/** By architecture: the given image, or the newest Amazon Linux 2023 for each. */
async function candidateImages(
  cloud: Ec2,
  imageId: string | undefined,
): Promise<Map<string, Image> | { none: NoChoice }> {
  if (imageId !== undefined) {
    const [image] = await cloud.describeImages({ imageIds: [imageId] });
    if (image?.state === "available") return new Map([[image.architecture, image]]);
    const message = `helper image ${imageId} is not an available image in ${cloud.region}`;
    return { none: { wish: "imageId", message, hint: "Give another image, or none." } };
  }
  const newest = newestByArchitecture(
    await cloud.describeImages({ owner: IMAGE_OWNER, name: IMAGE_NAME }),
  );
  if (newest.size > 0) return newest;
  const message = `there is no image ${IMAGE_NAME} of ${IMAGE_OWNER} in ${cloud.region}`;
  return {
    none: {
      wish: "imageId",
      message,
      hint: "Give an image of a Linux with Node 22.18 or newer.",
    },
  };
}

/** Of available, full (not minimal) images. */
export function newestByArchitecture(images: readonly Image[]): Map<string, Image> {
  const usable = images.filter(({ state, name }) => state === "available" && !/minimal/.test(name));
  const age = ({ creationDate, name }: Image) => `${creationDate} ${name}`;
  const newest = new Map<string, Image>();
  for (const image of usable) {
    const known = newest.get(image.architecture);
    if (known === undefined || age(known) < age(image)) newest.set(image.architecture, image);
  }
  return newest;
}
