/** An instance and its type as a copy sees them, and what it asks EC2 of one. */

import type { Tags } from "./tags.ts";

export interface Instance {
  readonly instanceId: string;
  readonly imageId: string;
  /** `pending`, `running`, `shutting-down`, `terminated`, `stopping`, `stopped`. */
  readonly state: string;
  /** AWS's word for why it is in this state. */
  readonly stateReason?: string;
  readonly instanceType: string;
  readonly availabilityZone: string;
  readonly privateAddress?: string;
  readonly publicAddress?: string;
  /** ISO 8601. */
  readonly launchedAt: string;
  readonly volumes: readonly { readonly deviceName: string; readonly volumeId: string }[];
  readonly tags: Tags;
}

/** Something that takes vCPUs. */
export interface RunningInstance {
  readonly instanceType: string;
  readonly vcpus: number;
  readonly isOnDemand: boolean;
}

export interface InstanceTypeFacts {
  readonly instanceType: string;
  readonly architectures: readonly string[];
  /** EBS volumes one instance can hold, the root included. */
  readonly maximumVolumes: number;
  readonly vcpus?: number;
  /** What it holds for as long as it likes; absent: nobody tells. */
  readonly networkGbps?: number;
  readonly ebsMibps?: number;
  /** Only Nitro's console can be read at any time, and only there disks tell their device name. */
  readonly isNitro: boolean;
}

/** One volume that is made with an instance. */
export interface LaunchVolume {
  readonly deviceName: string;
  /** Absent: blank. */
  readonly snapshotId?: string;
  readonly sizeGib: number;
  readonly volumeType: string;
  readonly iops?: number;
  readonly throughputMibps?: number;
  /** Absent: as the snapshot, or the account's default. */
  readonly encrypted?: boolean;
  readonly kmsKeyId?: string;
}

export interface LaunchRequest {
  readonly clientToken: string;
  readonly imageId: string;
  readonly instanceType: string;
  readonly subnetId: string;
  readonly securityGroupId: string;
  /** Whether to ask for a public address; absent: as the subnet does. */
  readonly publicAddress?: boolean;
  /** Of a key pair; absent: nobody can log in. */
  readonly keyName?: string;
  /** Raw bytes, already gzipped. */
  readonly userData: Uint8Array;
  readonly volumes: readonly LaunchVolume[];
  /** Devices of the image itself: their volumes go with the instance, whatever the image says. */
  readonly ownDevices?: readonly string[];
  /** On the instance, its volumes and its network interface, in the call itself. */
  readonly tags: Tags;
}

/** What a dry run of a launch needs to know: who may do it depends on no more. */
export type TriedLaunch = Omit<LaunchRequest, "clientToken" | "securityGroupId" | "userData">;

/**
 * An instance of an image as it is: without user data, role, key, public address and metadata
 * service. Its volumes go with it, and so does it when it shuts itself down.
 */
export interface BootRequest {
  readonly clientToken: string;
  readonly imageId: string;
  readonly instanceType: string;
  readonly subnetId: string;
  readonly securityGroupId: string;
  /** Devices of the image that get their volume. */
  readonly deviceNames: readonly string[];
  /** Devices of the image that get none. */
  readonly leftOut: readonly string[];
  /** On the instance, its volumes and its network interface, in the call itself. */
  readonly tags: Tags;
}
