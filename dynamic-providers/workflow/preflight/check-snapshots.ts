/** Can the snapshots of the source be read? Pure. */

import type { SourceImage } from "../describe-source.ts";
import type { Problem } from "../preflight.ts";

const PROPERTY = "sourceAmiId";

export function checkSnapshots(
  imageId: string,
  source: SourceImage | undefined,
  { region, accountId }: { readonly region: string; readonly accountId: string },
): Problem[] {
  if (source === undefined) return [];
  const problems: Problem[] = [];
  if (source.unreadable.length > 0) {
    const names = source.unreadable.map(({ snapshotId, deviceName }) => {
      return `${snapshotId} (${deviceName})`;
    });
    problems.push({
      property: PROPERTY,
      message:
        `Account ${accountId} may not read ${names.join(", ")} of ${imageId} in ${region}: ` +
        "an image can be shared without its snapshots.",
      hint: `Have them shared with account ${accountId} (createVolumePermission).`,
    });
  }
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
