/** An AMI as a copy sees it, and what it asks EC2 of one. */

import type { BlockDevice } from "./block-device.ts";
import type { TagQuery, Tags } from "./tags.ts";

export type Architecture = "arm64" | "arm64_mac" | "i386" | "x86_64" | "x86_64_mac";

/** All of an image that a faithful copy has to carry or to refuse. */
export interface Image {
  readonly imageId: string;
  readonly name: string;
  readonly description: string;
  readonly ownerId: string;
  /** `pending`, `available`, `invalid`, `deregistered`, `transient`, `failed`, `error`, `disabled`. */
  readonly state: string;
  readonly stateReason?: string;
  readonly architecture: Architecture;
  readonly virtualizationType: string;
  readonly rootDeviceType: string;
  readonly rootDeviceName?: string;
  readonly bootMode?: string;
  readonly tpmSupport?: string;
  readonly imdsSupport?: string;
  readonly enaSupport: boolean;
  readonly sriovNetSupport?: string;
  readonly kernelId?: string;
  readonly ramdiskId?: string;
  readonly platformDetails?: string;
  readonly usageOperation?: string;
  /** Of the instance that it was made of; absent for a registered one. */
  readonly sourceImageId?: string;
  /** ISO 8601. */
  readonly creationDate: string;
  /** ISO 8601. */
  readonly deprecationTime?: string;
  /** Absent: it can be deregistered. */
  readonly deregistrationProtection?: DeregistrationProtection;
  /** Of the Marketplace. */
  readonly productCodes: readonly string[];
  /** `<account>:<name>` of whoever attached each. */
  readonly watermarks: readonly string[];
  /** Absent: every instance type may launch it. */
  readonly instanceTypes?: InstanceTypeRule;
  readonly blockDevices: readonly BlockDevice[];
  readonly tags: Tags;
}

/** Which instance types may launch an image. Names with wildcards (`c7g.*`), in alphabetical order. */
export interface InstanceTypeRule {
  /** Empty: all but those below. */
  readonly supported: readonly string[];
  readonly unsupported: readonly string[];
}

/** With a cooldown it holds for 24 hours after it was taken off. */
export type DeregistrationProtection = "enabled" | "enabled-with-cooldown";

export interface ImageQuery {
  readonly imageIds?: readonly string[];
  readonly owner?: string;
  /** `*` and `?` are wildcards. */
  readonly name?: string;
  readonly architecture?: string;
  /** The one value that EC2 knows here. */
  readonly platform?: "windows";
  readonly snapshotId?: string;
  readonly tags?: TagQuery;
}

export interface RegisterRequest {
  readonly name: string;
  readonly description: string;
  readonly architecture: Architecture;
  readonly virtualizationType: string;
  readonly rootDeviceName: string;
  readonly bootMode?: string;
  readonly tpmSupport?: string;
  readonly imdsSupport?: string;
  readonly enaSupport: boolean;
  readonly sriovNetSupport?: string;
  /** Of the destination's region; paravirtual images only. */
  readonly kernelId?: string;
  readonly ramdiskId?: string;
  /** Base64 of the UEFI variable store. */
  readonly uefiData?: string;
  readonly blockDevices: readonly BlockDevice[];
  readonly tags: Tags;
}

/** An image of an instance: everything that is not said here comes from the instance. */
export interface CreateImageRequest {
  readonly instanceId: string;
  readonly name: string;
  readonly description: string;
  /** Of what is attached only `deleteOnTermination` counts; blank and ephemeral devices are added. */
  readonly blockDevices: readonly BlockDevice[];
  /** In the call itself, on the image. */
  readonly tags: Tags;
  /** In the call itself, on every snapshot alike. */
  readonly snapshotTags: Tags;
}

/** Who may launch an image. */
export interface LaunchPermission {
  readonly userId?: string;
  /** `all`: public. */
  readonly group?: string;
  readonly organizationArn?: string;
  readonly organizationalUnitArn?: string;
}
