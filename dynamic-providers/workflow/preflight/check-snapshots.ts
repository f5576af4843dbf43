/** Are the snapshots of the source such as a volume can be made of? Pure. */

import type { SourceImage } from "../describe-source.ts";
import type { Problem } from "./problem.ts";

const PROPERTY = "sourceAmiId";

export function checkSnapshots(imageId: string, source: SourceImage | undefined): Problem[] {
  if (source === undefined) return [];
  const problems: Problem[] = [];
  for (const { snapshot } of source.volumes) {
    const { snapshotId, state, storageTier, outpostArn } = snapshot;
    if (outpostArn !== undefined) {
      problems.push({
        property: PROPERTY,
        message: `Snapshot ${snapshotId} of ${imageId} is kept on the Outpost ${outpostArn}, and only there can a volume be made of it.`,
        hint: "Give an image whose snapshots are in the region.",
      });
    } else if (storageTier === "archive") {
      problems.push({
        property: PROPERTY,
        message: `Snapshot ${snapshotId} of ${imageId} is archived.`,
        hint: "Restore it from the archive first.",
      });
    } else if (state !== "completed") {
      problems.push({
        property: PROPERTY,
        message: `Snapshot ${snapshotId} of ${imageId} is ${state} and not completed.`,
        hint: state === "pending" ? "Wait until it is completed." : "Give another image.",
      });
    }
  }
  return problems;
}
