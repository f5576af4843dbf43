/** A volume as a copy sees it, and what it asks EC2 of one. */

import type { Tags } from "./tags.ts";

export interface Volume {
  readonly volumeId: string;
  /** `creating`, `available`, `in-use`, `deleting`, `deleted`, `error`. */
  readonly state: string;
  readonly sizeGib: number;
  readonly encrypted: boolean;
  /** Absent: no instance holds it. */
  readonly attachment?: {
    readonly instanceId: string;
    readonly deviceName: string;
    /** `attaching`, `attached`, `detaching`, `busy`. */
    readonly state: string;
  };
  readonly tags: Tags;
}

/** A volume of a snapshot, for an instance that is there already. */
export interface VolumeRequest {
  readonly clientToken: string;
  readonly availabilityZone: string;
  readonly snapshotId: string;
  readonly sizeGib: number;
  readonly volumeType?: string;
  readonly iops?: number;
  readonly throughputMibps?: number;
  readonly tags: Tags;
}

/** What a dry run of a volume needs to know. */
export type TriedVolume = Omit<VolumeRequest, "clientToken" | "snapshotId"> & {
  readonly volumeType: string;
};
