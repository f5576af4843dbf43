/**
 * Needs: an image with everything set that a registration does not say.  Makes: nothing.  A call that
 * EC2 has answered with yes may have changed less than was asked; here it is asked what there is.
 */

import { unlike } from "./compare-wishes.ts";
import { CopyError, isCopyError } from "./copy-error.ts";
import type { CopiedImageFacts, ImageWishes } from "./copy-request.ts";
import { observeImage } from "./observe-image.ts";
import type { Run } from "./run.ts";
import { waitUntil } from "./wait-until.ts";

const STEP = "verify-image";

/** @throws CopyError `product-failed` that names each attribute; what EC2 shows may lag for a while. */
export async function verifyImage(
  run: Run,
  facts: CopiedImageFacts,
  wishes: ImageWishes,
): Promise<void> {
  const { imageId, region } = facts;
  const what = `image ${imageId} in ${region} to be as asked`;
  let wrong: string[] = [];
  try {
    await waitUntil(
      run,
      { step: STEP, what, limitMs: run.limits.visibleMs, ids: [imageId] },
      async () => {
        wrong = unlike(wishes, await observeImage(facts, run.clouds.destination, wishes));
        return wrong.length === 0 ? true : undefined;
      },
    );
  } catch (error) {
    if (!isCopyError(error) || error.code !== "timed-out" || wrong.length === 0) throw error;
    throw new CopyError(
      `image ${imageId} in ${region} is not as it was asked to be: ${wrong.join(", ")}`,
      { code: "product-failed", step: STEP, ids: [imageId], cause: error },
    );
  }
}
