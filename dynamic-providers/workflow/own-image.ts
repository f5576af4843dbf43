/**
 * Needs: a claimed image whose row is in the state.  Makes: the mark that a stack owns it, and takes
 * off the image and its snapshots the one that they may be swept.  Undoes: nothing.
 *
 * A run cannot know whether Pulumi has saved what it answered: a `kill -9` at that instant leaves a
 * finished image that no row deletes. So the mark is set by a row that Pulumi makes only when it has
 * saved the image's. Without the mark the run's own delete ends the image; with it the image stays,
 * even when its row was let go with `retainOnDelete`.
 */

import { Tag } from "../../agent/contract.ts";
import { isCloudError } from "../ec2/cloud-error.ts";
import type { Ec2 } from "../ec2/ec2.ts";
import { CopyError } from "./copy-error.ts";

export interface OwnedImage {
  readonly imageId: string;
  readonly snapshotIds: readonly string[];
}

/** May be repeated. @throws CopyError `product-failed` when the image or a snapshot is gone. */
export async function ownImage(cloud: Ec2, image: OwnedImage, nowMs: number): Promise<void> {
  const { imageId, snapshotIds } = image;
  try {
    // In this order: at no moment is there an image without either mark, of which nothing is known.
    await cloud.setTags([imageId], { [Tag.owned]: new Date(nowMs).toISOString() });
    await cloud.removeTags([imageId, ...new Set(snapshotIds)], [Tag.expires]);
  } catch (error) {
    if (!isCloudError(error, "not-found")) throw error;
    throw new CopyError(`image ${imageId} or a snapshot of it is gone from ${cloud.region}`, {
      code: "product-failed",
      step: "own-image",
      ids: [imageId, ...snapshotIds],
      hint: "Run `pulumi refresh`, then `pulumi up`: what is missing is made again.",
      cause: error,
    });
  }
}
