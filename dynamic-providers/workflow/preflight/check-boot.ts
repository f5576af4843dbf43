/**
 * Snapshots that may be launched but not read: may the source be started once instead, and can it be?
 * What the Marketplace sells stays out: its codes go with every volume and snapshot, a volume with
 * codes is only for an instance of its product (AttachVolume), and a copy of the bytes has none.
 */

import type { Ec2 } from "../../ec2/ec2.ts";
import type { Image } from "../../ec2/image.ts";
import { chooseBoot } from "../choose-boot.ts";
import type { CopyRequest } from "../copy-request.ts";
import type { SourceImage } from "../describe-source.ts";
import type { Problem } from "./problem.ts";

const PROPERTY = "sourceAmiId";

export async function checkBoot(
  request: CopyRequest,
  source: SourceImage | undefined,
  accountId: string,
  cloud: Ec2,
): Promise<Problem[]> {
  if (source === undefined || source.unreadable.length === 0) return [];
  if (request.allowBootOfSource !== true) return [unreadable(source, accountId, cloud.region)];
  const problem = neverBooted(source.image);
  if (problem !== undefined) return [problem];
  const found = await chooseBoot(cloud, source.image, request.helper.source.subnetId);
  // A subnet that is not there is the helper's problem as well, and told there.
  if ("choices" in found || found.isPlace) return [];
  const { message, hint } = found.none;
  const sentence = `${message.charAt(0).toUpperCase()}${message.slice(1)}.`;
  return [{ property: PROPERTY, message: sentence, hint }];
}

function unreadable({ image, unreadable }: SourceImage, accountId: string, region: string) {
  const names = unreadable.map(({ snapshotId, deviceName }) => `${snapshotId} (${deviceName})`);
  return {
    property: PROPERTY,
    message:
      `Account ${accountId} may not read ${names.join(", ")} of ${image.imageId} in ${region}: ` +
      "an image can be shared without its snapshots.",
    hint:
      `Have them shared with account ${accountId} (createVolumePermission), or set ` +
      "allowBootOfSource to true: the source is then started once, without a network, and copied " +
      "as it is after that.",
  };
}

function neverBooted(image: Image): Problem | undefined {
  const { imageId, productCodes, state, virtualizationType } = image;
  const problem = (message: string, hint: string) => ({ property: PROPERTY, message, hint });
  if (productCodes.length > 0) {
    return problem(
      `${imageId} is a product of the Marketplace (${productCodes.join(", ")}): its disks may be ` +
        "attached to instances of that product only, and a copy of them would not be it.",
      "Subscribe to the product where the copy was to be, and launch it there.",
    );
  }
  if (state === "disabled") {
    return problem(
      `${imageId} is disabled, so it cannot be started either.`,
      "Enable it for the time of the copy.",
    );
  }
  if (virtualizationType !== "hvm") {
    return problem(
      `${imageId} is ${virtualizationType}, which no current type can start.`,
      "Have its snapshots shared.",
    );
  }
  return undefined;
}
