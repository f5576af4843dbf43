import type { Ec2, LaunchPermission, Tags } from "../ec2/ec2.ts";
import type { CopiedImageFacts } from "./copy-request.ts";

/** What `pulumi refresh` sees of a copy. Plain JSON. */
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
export function observeImage(_facts: CopiedImageFacts, _cloud: Ec2): Promise<ObservedImage> {
  throw new Error("written next");
}
