/**
 * Does the account's setting "Allowed AMIs" hide an image that was not found? Asked only then. It
 * never hides an account's own images, so never the copy from its owner. [EC2 user guide, "Allowed AMIs"]
 */

import type { Ec2 } from "../../ec2/ec2.ts";
import type { FoundHelper } from "../choose-helper.ts";
import type { CopyRequest } from "../copy-request.ts";
import type { Problem } from "./problem.ts";

/** @param missing - What was looked for in vain, in words. */
export async function checkAllowed(
  side: "source" | "destination",
  missing: readonly string[],
  cloud: Ec2,
): Promise<Problem[]> {
  if (missing.length === 0) return [];
  const criteria = await cloud.allowedImages();
  if (criteria === undefined) return [];
  const allowed = criteria.length === 0 ? "none" : `only those of ${criteria.join(", or of ")}`;
  return [
    {
      property: side,
      message:
        `The account's setting "Allowed AMIs" in ${cloud.region} lets ${allowed} of other accounts' ` +
        `images through, and was not seen to let through ${missing.join(" and ")}.`,
      hint: "Add their owner to the setting's providers, or give images of the account itself.",
    },
  ];
}

/** The image for a side's helper, if that is what was not found. */
export function missingHelperImage(
  side: "source" | "destination",
  request: CopyRequest,
  found: FoundHelper | undefined,
): string[] {
  if (found === undefined || "choices" in found) return [];
  if (!found.none.some(({ wish }) => wish === "imageId")) return [];
  return [request.helper[side].imageId ?? "Amazon Linux 2023 (provider amazon)"];
}
