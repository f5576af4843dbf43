/** Do all tags fit on the image, and on each snapshot? Pure. */

import { wantedImageTags } from "../carry-over.ts";
import type { CopyRequest } from "../copy-request.ts";
import type { SourceImage } from "../describe-source.ts";
import { withoutReserved } from "../run.ts";
import type { Problem } from "./problem.ts";

/** EC2: 50 tags a resource; at most six at a time are ours, of the image as of a snapshot. */
const TAG_COUNT_MAX = 44;

export function checkTags(request: CopyRequest, source: SourceImage | undefined): Problem[] {
  const problems: Problem[] = [];
  const check = (property: string, what: string, count: number, hint: string) => {
    if (count <= TAG_COUNT_MAX) return;
    const message = `${what} would have ${count} tags; besides ours EC2 allows ${TAG_COUNT_MAX}.`;
    problems.push({ property, message, hint });
  };
  const imageTags = wantedImageTags(request, source?.image.tags ?? {});
  const hint = "Give fewer tags, or set copyTags to false.";
  check("tags", "The copy", Object.keys(imageTags).length, hint);
  for (const { snapshot } of request.copyTags ? (source?.volumes ?? []) : []) {
    const count = Object.keys(withoutReserved(snapshot.tags)).length;
    const what = `The copy of ${snapshot.snapshotId}`;
    check("copyTags", what, count, "Remove tags of that snapshot, or set copyTags to false.");
  }
  return problems;
}
