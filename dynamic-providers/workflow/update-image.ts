import type { Ec2, LaunchPermission, Tags } from "../ec2/ec2.ts";
import type { CopiedImageFacts } from "./copy-request.ts";

/** What of a copy can be changed in place, as it is wanted. */
export interface ImageWishes {
  readonly description: string;
  readonly tags: Tags;
  readonly launchPermissions: readonly LaunchPermission[];
  readonly deprecationTime?: string;
  readonly disabled: boolean;
}

/**
 * Makes an image as it is wanted. Tags of others stay; those of `facts.imageTags` that are no longer
 * wanted go.
 *
 * @returns The facts with what has changed.
 */
export function updateImage(
  _facts: CopiedImageFacts,
  _wishes: ImageWishes,
  _cloud: Ec2,
): Promise<CopiedImageFacts> {
  throw new Error("written next");
}
