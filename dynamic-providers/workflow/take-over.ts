/**
 * Needs: a run whose row another `pulumi` has worked on at the same time.  Makes: what that one has
 * finished this run's own.  Undoes: nothing: it is then as if an older attempt had finished it.
 *
 * Of two runs that work at once the later ends the other (`yield-to-newer.ts`). One that was finished
 * before the later has claimed is not at work any more, and no state will have its image: a copy that
 * is as this one is to be is used instead of a second one, and any other is ended like all that an
 * older attempt has made.
 */

import { Tag } from "../../agent/contract.ts";
import type { Ec2 } from "../ec2/ec2.ts";
import type { Tags } from "../ec2/tags.ts";
import type { NewRun, RunIdentity } from "./copy-request.ts";
import { snapshotsOf } from "./end-leftovers.ts";

/** May be repeated. @returns Ids of the images that are this run's now. */
export async function takeOver(identity: RunIdentity, cloud: Ec2): Promise<readonly string[]> {
  const { runId, row } = identity;
  if (row === undefined) return [];
  const images = await cloud.describeImages({ owner: "self", tags: { [Tag.stackRow]: row } });
  const theirs = images.filter(
    ({ state, tags }) => state !== "deregistered" && isFinishedBeside(tags, identity),
  );
  for (const image of theirs) {
    // First, while the next look still finds it: by this mark it would stay when this run is let go.
    await cloud.removeTags([image.imageId], [Tag.owned]);
    await cloud.setTags([image.imageId, ...snapshotsOf([image])], { [Tag.run]: runId });
  }
  return theirs.map(({ imageId }) => imageId);
}

/**
 * Whether these tags of an image are of another run of the row, which no state has. An older one is in
 * the state, or was let go to be kept; a newer one has looked at ours.
 */
export function isFinishedBeside(tags: Tags, { runId, row, rowTime }: NewRun): boolean {
  const { [Tag.claimed]: claimed = "", [Tag.begun]: begun, [Tag.run]: otherRunId } = tags;
  if (row === undefined || rowTime === undefined || begun === undefined) return false;
  if (tags[Tag.stackRow] !== row || otherRunId === runId) return false;
  return claimed > rowTime.claimedAfter && begun < rowTime.begunBefore;
}
