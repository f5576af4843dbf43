/**
 * Can a copy have the source's licence? Only when an image at the destination lends it, and when
 * there is a place to run that image in.
 */

import type { Ec2 } from "../../ec2/ec2.ts";
import type { Image } from "../../ec2/image.ts";
import { chooseHelper } from "../choose-helper.ts";
import type { CopyRequest } from "../copy-request.ts";
import { findDonor } from "../find-donor.ts";
import { isLicensed, licenseName } from "../license-donor.ts";
import type { Problem } from "./problem.ts";

const PROPERTY = "licenseDonorAmiId";

export interface LicenseCheck {
  readonly problems: readonly Problem[];
  /** The image that will lend its licence; absent: none is needed, or none was found. */
  readonly donor?: Image;
}

export async function checkLicense(
  request: CopyRequest,
  image: Image,
  cloud: Ec2,
): Promise<LicenseCheck> {
  const { licenseDonorAmiId } = request;
  if (!isLicensed(image)) {
    if (licenseDonorAmiId === undefined) return { problems: [] };
    const message = `${image.imageId} is plain Linux: its copy needs no licence.`;
    return { problems: [{ property: PROPERTY, message, hint: `Leave out ${PROPERTY}.` }] };
  }
  const unfit = kindProblem(image);
  if (unfit !== undefined) return { problems: [unfit] };
  const found = await findDonor(cloud, request, image.imageId, image);
  if ("none" in found) return { problems: [{ property: PROPERTY, ...found.none }] };
  const { donor } = found;
  const problems = await placeProblems(request, image, donor, cloud);
  return { problems, donor };
}

/** What lends the licence, if that is what was not found. */
export function missingDonor(
  { licenseDonorAmiId }: CopyRequest,
  image: Image,
  { donor }: Pick<LicenseCheck, "donor">,
): string[] {
  if (donor !== undefined || !isLicensed(image) || kindProblem(image) !== undefined) return [];
  return [licenseDonorAmiId ?? `an image that is licensed as ${licenseName(image)}`];
}

/** The donor must be of the source's kind, and nothing of these kinds can be launched for it. */
function kindProblem(image: Image): Problem | undefined {
  const { imageId, virtualizationType, enaSupport } = image;
  if (virtualizationType === "hvm" && enaSupport) return undefined;
  return {
    property: "sourceAmiId",
    message:
      `${imageId} is licensed as ${licenseName(image)}, and ` +
      (virtualizationType === "hvm"
        ? "has no support for ENA: no current instance type runs a licence donor without it."
        : `is ${virtualizationType}: no current instance type runs a licence donor of that kind.`),
    hint: "Give an image of the same system that is hvm and has ENA support.",
  };
}

async function placeProblems(
  { helper: { destination } }: CopyRequest,
  image: Image,
  { imageId }: Image,
  cloud: Ec2,
): Promise<Problem[]> {
  const { instanceType: _helpers, ...place } = destination;
  const count = image.blockDevices.filter(({ kind }) => kind === "snapshot").length;
  const found = await chooseHelper(cloud, { ...place, imageId }, count, { isDonor: true });
  if ("choices" in found) return [];
  // What is wrong with the subnet is told of the helper that is to be there.
  return found.none
    .filter(({ wish }) => wish !== "subnetId")
    .map(({ message, hint }) => ({
      property: PROPERTY,
      message: `The licence donor ${imageId} cannot be run: ${message}.`,
      hint,
    }));
}
