/** What `pulumi refresh` sees of a copy. */

import type { Ec2 } from "../ec2/ec2.ts";
import type { DeregistrationProtection, InstanceTypeRule, LaunchPermission } from "../ec2/image.ts";
import type { SnapshotPermission } from "../ec2/snapshot.ts";
import type { Tags } from "../ec2/tags.ts";
import { checkAccount } from "./check-account.ts";
import type { CopiedImageFacts, ImageWishes } from "./copy-request.ts";
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
  /** By snapshot id; absent: nobody has asked. */
  readonly snapshotPermissions?: Readonly<Record<string, readonly SnapshotPermission[]>>;
  /** ISO 8601. */
  readonly deprecationTime?: string;
  readonly deregistrationProtection?: DeregistrationProtection;
  readonly instanceTypes?: InstanceTypeRule;
  readonly disabled: boolean;
}

/**
 * @param wanted - What is not wanted at all is not looked at: the permissions of snapshots.
 * @throws CopyError `wrong-account`, so that "not registered" can be believed.
 */
export async function observeImage(
  facts: CopiedImageFacts,
  cloud: Ec2,
  wanted: Pick<ImageWishes, "snapshotPermissions"> = {},
): Promise<ObservedImage> {
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
    const { deprecationTime, deregistrationProtection, instanceTypes } = image;
    const permissions = await permissionsOf(cloud, there, wanted);
    return {
      registered: true,
      snapshotIds: there,
      description: image.description,
      tags: withoutReserved(image.tags),
      launchPermissions: await cloud.launchPermissions(facts.imageId),
      disabled: image.state === "disabled",
      ...(permissions !== undefined && { snapshotPermissions: permissions }),
      ...(deprecationTime !== undefined && { deprecationTime }),
      ...(deregistrationProtection !== undefined && { deregistrationProtection }),
      ...(instanceTypes !== undefined && { instanceTypes }),
    };
  });
}

async function permissionsOf(
  cloud: Ec2,
  there: readonly string[],
  { snapshotPermissions }: Pick<ImageWishes, "snapshotPermissions">,
): Promise<Record<string, SnapshotPermission[]> | undefined> {
  if (snapshotPermissions === undefined) return undefined;
  const seen: Record<string, SnapshotPermission[]> = {};
  for (const snapshotId of there) {
    if (snapshotId in snapshotPermissions) {
      seen[snapshotId] = await cloud.snapshotPermissions(snapshotId);
    }
  }
  return seen;
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
