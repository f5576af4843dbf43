/** Are the snapshots of a copy still there? Without them it cannot be made again. */

import type { Ec2 } from "../ec2/ec2.ts";
import { CopyError } from "./copy-error.ts";
import type { CopiedImageFacts } from "./copy-request.ts";

/** @throws CopyError `product-failed` that names those which are gone. */
export async function checkCopiedSnapshots(
  cloud: Ec2,
  { snapshots }: Pick<CopiedImageFacts, "snapshots">,
): Promise<void> {
  const snapshotIds = [...new Set(snapshots.map(({ snapshotId }) => snapshotId))];
  const found = await cloud.describeSnapshots({ ids: snapshotIds });
  const there = new Set(
    found.filter(({ state }) => state === "completed").map(({ snapshotId }) => snapshotId),
  );
  const missing = snapshotIds.filter((id) => !there.has(id));
  if (missing.length === 0) return;
  throw new CopyError(`snapshots of the copy are gone: ${missing.join(", ")}`, {
    code: "product-failed",
    step: "restore-image",
    ids: missing,
    hint: "Run `pulumi refresh`, then `pulumi up`: it is copied again.",
  });
}
