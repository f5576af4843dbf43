/**
 * Which image can lend its licence to a copy. What a system is billed as is no byte of its disks: it
 * comes from the image that an instance was launched from, and from there to an image of that
 * instance, whatever its volumes are by then. So the donor must be alike in all that such an image
 * inherits. Pure. Source: EC2's user guide (billing information fields, CreateImage, boot modes).
 */

import type { Image, ImageQuery } from "../ec2/image.ts";

/** What of an image a donor has to be like. */
export type LicenseWish = Pick<
  Image,
  | "architecture"
  | "virtualizationType"
  | "rootDeviceName"
  | "bootMode"
  | "tpmSupport"
  | "imdsSupport"
  | "enaSupport"
  | "sriovNetSupport"
  | "platformDetails"
  | "usageOperation"
  | "productCodes"
>;

/** AWS and those whose images it has verified: nobody else's image is run without being asked for. */
const TRUSTED_OWNER = "amazon";

/** Names of images by the beginning of what AWS calls their system; of Windows there is a filter. */
const NAMES_BY_PLATFORM: readonly (readonly [platform: string, names: readonly string[]])[] = [
  ["Red Hat", ["RHEL*"]],
  ["SUSE", ["suse-sles-*"]],
  ["Ubuntu Pro", ["ubuntu-pro-server/*"]],
  ["Linux with SQL", ["*SQL*", "*sql*"]],
];

/** Whether AWS bills more than the machine, so that a copy of the bytes alone would lose something. */
export function isLicensed({ usageOperation }: Pick<Image, "usageOperation">): boolean {
  return usageOperation !== undefined && usageOperation !== "RunInstances";
}

/** `Windows (RunInstances:0002)` */
export function licenseName({ platformDetails, usageOperation }: LicenseWish): string {
  return `${platformDetails ?? "unknown"} (${usageOperation ?? "RunInstances"})`;
}

/** How possible donors are listed: EC2 has no filter for what an image is billed as. */
export function donorQueries({ architecture, platformDetails = "" }: LicenseWish): ImageQuery[] {
  const common = { owner: TRUSTED_OWNER, architecture };
  if (platformDetails.startsWith("Windows")) return [{ ...common, platform: "windows" }];
  const names = NAMES_BY_PLATFORM.find(([platform]) => platformDetails.startsWith(platform))?.[1];
  return (names ?? []).map((name) => ({ ...common, name }));
}

/** Why an image cannot lend its licence to a copy of this one, an attribute each; empty: it can. */
export function mismatches(wish: LicenseWish, donor: Image): string[] {
  const compared = [
    ["licence", licenseName(wish), licenseName(donor)],
    ["architecture", wish.architecture, donor.architecture],
    ["virtualization", wish.virtualizationType, donor.virtualizationType],
    ["boot mode", bootsBy(wish), bootsBy(donor)],
    ["TPM", wish.tpmSupport ?? "none", donor.tpmSupport ?? "none"],
    ["ENA support", wish.enaSupport ? "yes" : "no", donor.enaSupport ? "yes" : "no"],
    ["root device", wish.rootDeviceName ?? "none", donor.rootDeviceName ?? "none"],
  ] as const;
  const wrong = compared
    .filter(([, wanted, found]) => wanted !== found)
    .map(([attribute, wanted, found]) => `its ${attribute} is ${found} and not ${wanted}`);
  const codes = donor.productCodes.filter((code) => !wish.productCodes.includes(code));
  if (codes.length > 0) wrong.push(`it has product codes of its own (${codes.join(", ")})`);
  if (donor.state !== "available") wrong.push(`it is ${donor.state} and not available`);
  if (donor.rootDeviceType !== "ebs") wrong.push("it is not backed by EBS");
  return wrong;
}

/** What an instance boots by where its image does not say: the default of its type's architecture. */
function bootsBy({ bootMode, architecture }: LicenseWish): string {
  return bootMode ?? (architecture.startsWith("arm64") ? "uefi" : "legacy-bios");
}

/**
 * The best of those that fit: as much alike as there is, then the newest. What only a person can
 * judge (limits of types, watermarks, which every image of it would inherit) is left to a person.
 */
export function newestDonor(
  wish: LicenseWish,
  images: readonly Image[],
  nowMs: number,
): Image | undefined {
  const fitting = images.filter(
    (image) =>
      mismatches(wish, image).length === 0 &&
      image.instanceTypes === undefined &&
      image.watermarks.length === 0 &&
      (image.deprecationTime === undefined || Date.parse(image.deprecationTime) > nowMs),
  );
  const rank = (image: Image) => `${9 - unlikeness(wish, image)} ${image.creationDate}`;
  return fitting.toSorted((a, b) => (rank(a) > rank(b) ? -1 : 1))[0];
}

function unlikeness(wish: LicenseWish, image: Image): number {
  const keys = ["bootMode", "imdsSupport", "sriovNetSupport"] as const;
  return keys.filter((key) => wish[key] !== image[key]).length;
}
