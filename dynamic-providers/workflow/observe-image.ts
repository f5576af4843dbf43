/** What `pulumi refresh` sees of a copy. */

import type { Ec2, LaunchPermission, Tags } from "../ec2/ec2.ts";
import { checkAccount } from "./check-account.ts";
import type { CopiedImageFacts } from "./copy-request.ts";
import { inStep, withoutReserved } from "./run.ts";

/** Plain JSON. */
export interface ObservedImage {
  /** False: deregistered. */
  readonly registered: boolean;
  /** Which of the copy's snapshots are still there and completed. */
  readonly snapshotIds: readonly string[];
  readonly description: string;
  /** All tags of the image but `aws:` and our own. */
  readonly tags: Tags;
  readonly launchPermissions: readonly LaunchPermission[];
  /** ISO 8601. */
  readonly deprecationTime?: string;
  readonly disabled: boolean;
}

/** @throws CopyError `wrong-account`, so that "not registered" can be believed. */
export async function observeImage(facts: CopiedImageFacts, cloud: Ec2): Promise<ObservedImage> {
  return inStep({ signal: new AbortController().signal }, "observe-image", async () => {
    await checkAccount(cloud, accountOf(facts));
    const ids = [...new Set(facts.snapshots.map(({ snapshotId }) => snapshotId))];
    const snapshots = await cloud.describeSnapshots({ ids });
    const there = snapshots
      .filter(({ state }) => state === "completed")
      .map(({ snapshotId }) => snapshotId);
    const [image] = await cloud.describeImages({ imageIds: [facts.imageId] });
    const isRegistered = image !== undefined && image.state !== "deregistered";
    if (!isRegistered) return { ...GONE, snapshotIds: there };
    return {
      registered: true,
      snapshotIds: there,
      description: image.description,
      tags: withoutReserved(image.tags),
      launchPermissions: await cloud.launchPermissions(facts.imageId),
      disabled: image.state === "disabled",
      ...(image.deprecationTime !== undefined && { deprecationTime: image.deprecationTime }),
    };
  });
}

const GONE: ObservedImage = {
  registered: false,
  snapshotIds: [],
  description: "",
  tags: {},
  launchPermissions: [],
  disabled: false,
};

/** Where a copy is. */
export function accountOf({ ownerId, partition, region }: CopiedImageFacts) {
  return { accountId: ownerId, partition, region };
}
