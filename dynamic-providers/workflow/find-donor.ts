/** Finds the image that lends its licence, the given one or the best there is. Only looks. */

import type { Ec2 } from "../ec2/ec2.ts";
import type { Image } from "../ec2/image.ts";
import type { CopyRequest } from "./copy-request.ts";
import {
  donorQueries,
  type LicenseWish,
  licenseName,
  mismatches,
  newestDonor,
} from "./license-donor.ts";

/** Why there is none, in the words of a problem. */
export interface NoDonor {
  readonly message: string;
  readonly hint: string;
}

/** @param subject - What needs it: the id of the image that is copied, or was. */
export async function findDonor(
  cloud: Ec2,
  { licenseDonorAmiId }: Pick<CopyRequest, "licenseDonorAmiId">,
  subject: string,
  wish: LicenseWish,
): Promise<{ donor: Image } | { none: NoDonor }> {
  if (licenseDonorAmiId !== undefined) {
    return judgeGiven(cloud, licenseDonorAmiId, subject, wish);
  }
  const images: Image[] = [];
  for (const query of donorQueries(wish)) images.push(...(await cloud.describeImages(query)));
  const donor = newestDonor(wish, images, Date.now());
  if (donor !== undefined) return { donor };
  const { architecture, bootMode = "no boot mode", tpmSupport, rootDeviceName } = wish;
  const tpm = tpmSupport === undefined ? "no TPM" : `TPM ${tpmSupport}`;
  const kind = `${architecture}, ${bootMode}, ${tpm}, root device ${rootDeviceName}`;
  const message =
    `${subject} is licensed as ${licenseName(wish)}, and among ${images.length} images of Amazon ` +
    `in ${cloud.region} none can lend that licence to a copy of its kind (${kind}).`;
  const hint =
    "Give licenseDonorAmiId with an image at the destination that has this licence and is of this kind.";
  return { none: { message, hint } };
}

async function judgeGiven(
  cloud: Ec2,
  donorId: string,
  subject: string,
  wish: LicenseWish,
): Promise<{ donor: Image } | { none: NoDonor }> {
  const [donor] = await cloud.describeImages({ imageIds: [donorId] });
  if (donor === undefined) {
    const message = `${donorId} does not exist in ${cloud.region}, or this account may not use it.`;
    return { none: { message, hint: "Give an image of the destination's region, or none." } };
  }
  const wrong = mismatches(wish, donor);
  if (wrong.length === 0) return { donor };
  const message = `${donorId} cannot lend its licence to a copy of ${subject}: ${wrong.join("; ")}.`;
  return { none: { message, hint: "Give one that is as the source, or none to have it found." } };
}
