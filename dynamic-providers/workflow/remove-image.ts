/** The end of a copy: its image and its snapshots. */

import { Role, Tag } from "../../agent/contract.ts";
import { isCloudError } from "../ec2/cloud-error.ts";
import type { Ec2 } from "../ec2/ec2.ts";
import type { Image } from "../ec2/image.ts";
import { checkAccount } from "./check-account.ts";
import { CopyError } from "./copy-error.ts";
import type { CopiedImageFacts } from "./copy-request.ts";
import { deregister } from "./deregister.ts";
import { defaultLimits } from "./limits.ts";
import { accountOf } from "./observe-image.ts";
import { inStep } from "./run.ts";
import { systemClock } from "./run-context.ts";
import { type Waiting, waitUntil } from "./wait-until.ts";

const STEP = "remove-image";

/** Deregisters the image and deletes its snapshots. What is gone already is fine, so it may be repeated. */
export async function removeImage(
  facts: CopiedImageFacts,
  cloud: Ec2,
  pace: Pick<Waiting, "clock" | "limits"> = { clock: systemClock, limits: defaultLimits },
): Promise<void> {
  const waiting: Waiting = { ...pace, signal: AbortSignal.timeout(pace.limits.undoMs) };
  await inStep(waiting, STEP, async () => {
    await checkAccount(cloud, accountOf(facts));
    await deregister(waiting, cloud, facts.imageId);
    for (const snapshotId of new Set(facts.snapshots.map((snapshot) => snapshot.snapshotId))) {
      await deleteSnapshot(waiting, cloud, snapshotId, facts.imageId);
    }
  });
}

/** For a moment after its image went a snapshot may still count as used. */
async function deleteSnapshot(
  waiting: Waiting,
  cloud: Ec2,
  snapshotId: string,
  ownImageId: string,
): Promise<void> {
  await waitUntil(
    waiting,
    {
      step: STEP,
      what: `snapshot ${snapshotId} in ${cloud.region} to be free`,
      limitMs: waiting.limits.visibleMs,
      ids: [snapshotId],
    },
    async () => {
      try {
        await cloud.deleteSnapshot(snapshotId);
        return true;
      } catch (error) {
        if (!isCloudError(error, "in-use")) throw error;
        const users = await cloud.describeImages({ owner: "self", snapshotId });
        const others = users.filter(
          ({ imageId, state }) => imageId !== ownImageId && state !== "deregistered",
        );
        if (others.length === 0) return undefined;
        if (others.every(isOfSameRun)) {
          for (const { imageId } of others) await deregister(waiting, cloud, imageId);
          return undefined;
        }
        throw usedBy(
          snapshotId,
          others.map(({ imageId }) => imageId),
        );
      }
    },
  );
}

/**
 * Snapshots of a run are in images of that run only. So this is one that a repair registered anew,
 * and whose id was lost because Pulumi was killed before it could save it.
 */
function isOfSameRun({ tags }: Image): boolean {
  return tags[Tag.run] !== undefined && tags[Tag.role] === Role.image;
}

function usedBy(snapshotId: string, imageIds: readonly string[]): CopyError {
  return new CopyError(
    `snapshot ${snapshotId} cannot be deleted: ${imageIds.join(", ")} uses it as well`,
    {
      code: "cloud",
      step: STEP,
      ids: [snapshotId, ...imageIds],
      hint: "Deregister that image first, then run again.",
    },
  );
}
