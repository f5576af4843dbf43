/** A snapshot as a copy sees it, and what it asks EC2 of one. */

import type { Tags } from "./tags.ts";

export interface Snapshot {
  readonly snapshotId: string;
  /** `pending`, `completed`, `error`, `recoverable`, `recovering`. */
  readonly state: string;
  readonly stateMessage?: string;
  readonly progressPercent: number;
  readonly ownerId: string;
  readonly volumeSizeGib: number;
  readonly encrypted: boolean;
  readonly kmsKeyId?: string;
  readonly description: string;
  readonly storageTier?: string;
  /** Of all blocks that were ever written, zeros among them; absent: nobody tells. */
  readonly fullSizeBytes?: number;
  /** It is kept on this Outpost and not in the region. */
  readonly outpostArn?: string;
  /** Of which volume it is. */
  readonly volumeId?: string;
  readonly tags: Tags;
}

export interface SnapshotRequest {
  readonly volumeId: string;
  readonly description: string;
  readonly tags: Tags;
}

/** One snapshot of each volume of an instance, all of the same moment. */
export interface SnapshotsRequest {
  readonly instanceId: string;
  readonly description: string;
  readonly tags: Tags;
}

/** Who may make volumes of a snapshot. */
export interface SnapshotPermission {
  readonly userId?: string;
  /** `all`: public. */
  readonly group?: string;
}
