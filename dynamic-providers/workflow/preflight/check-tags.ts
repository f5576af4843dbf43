/** Do all tags fit on the image? Pure. */

import type { Tags } from "../../ec2/ec2.ts";
import { wantedImageTags } from "../carry-over.ts";
import type { CopyRequest } from "../copy-request.ts";
import type { Problem } from "../preflight.ts";

/** EC2: 50 tags a resource; five are ours. */
const TAG_COUNT_MAX = 45;

export function checkTags(request: CopyRequest, sourceTags: Tags): Problem[] {
  const count = Object.keys(wantedImageTags(request, sourceTags)).length;
  if (count <= TAG_COUNT_MAX) return [];
  return [
    {
      property: "tags",
      message: `The copy would have ${count} tags; besides ours EC2 allows ${TAG_COUNT_MAX}.`,
      hint: "Give fewer tags, or set copyTags to false.",
    },
  ];
}
