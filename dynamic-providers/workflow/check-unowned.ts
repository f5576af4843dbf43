/**
 * Needs: nothing.  Makes: nothing.  A finished image belongs to one row as soon as a stack's state has
 * that row (`own-image.ts`). Whoever makes another row of the same run replaces the first one alone
 * (`pulumi up --replace`, `pulumi state taint`): both would have one image, or at least its snapshots,
 * and the end of the old row would be the end of both.
 */

import { Tag } from "../../agent/contract.ts";
import { snapshotDevices } from "./choose-boot.ts";
import { CopyError } from "./copy-error.ts";
import type { CopyRequest } from "./copy-request.ts";
import { isAdoptable } from "./end-leftovers.ts";
import type { RunContext } from "./run-context.ts";

const STEP = "check-unowned";

/** @throws CopyError `preflight` when a row of a stack has the run's image, or all that it was made of. */
export async function checkUnowned(
  { source, destination }: RunContext["clouds"],
  { sourceAmiId }: Pick<CopyRequest, "sourceAmiId">,
  runId: string,
): Promise<void> {
  const tags = { [Tag.run]: runId };
  const images = await destination.describeImages({ owner: "self", tags });
  const there = images.filter(({ state }) => state !== "deregistered");
  const owned = there.find((image) => image.tags[Tag.owned] !== undefined);
  if (owned !== undefined) {
    throw new CopyError(
      `a row of the stack has the image ${owned.imageId} of run ${runId} already`,
      {
        code: "preflight",
        step: STEP,
        ids: [owned.imageId],
        hint:
          "Replace the row CopyRun instead: that replaces all of the copy. If the row was taken out of the state by " +
          `hand, take the tag ${Tag.owned} off the image first.`,
      },
    );
  }
  if (there.length > 0) return;
  // What a row has is not to be swept any more.
  const snapshots = (await destination.describeSnapshots({ tags })).filter(
    (one) => isAdoptable(one) && one.tags[Tag.expires] === undefined,
  );
  if (snapshots.length === 0) return;
  const [image] = await source.describeImages({ imageIds: [sourceAmiId] });
  if (image === undefined) return;
  const copied = new Set(snapshots.map((one) => one.tags[Tag.sourceSnapshot]));
  if (!snapshotDevices(image).every(({ snapshotId }) => copied.has(snapshotId))) return;
  throw new CopyError(
    `the image of run ${runId} is gone from ${destination.region}, and a row of the stack has all its snapshots`,
    {
      code: "preflight",
      step: STEP,
      ids: snapshots.map(({ snapshotId }) => snapshotId),
      hint:
        "Run `pulumi refresh`, then `pulumi up`: the image is registered again. Or replace the row CopyRun: " +
        "then everything is copied anew.",
    },
  );
}
