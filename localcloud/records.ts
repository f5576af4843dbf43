/**
 * What a localcloud remembers of each thing. Records hold facts in our own words; how EC2 shows
 * them is the business of the action that describes them.
 */

import type { BlockDeviceMapping } from "@aws-sdk/client-ec2";
import type { InstanceType } from "./catalog/instance-types.ts";
import type { Zone } from "./catalog/regions.ts";
import type { Machine } from "./machines/machine.ts";
import type { State } from "./states.ts";

export interface Tagged {
  readonly id: string;
  readonly tags: Map<string, string>;
}

/** Who else may use a thing. */
export interface Sharing {
  readonly accountIds: Set<string>;
  everyone: boolean;
}

export type ImageState = "pending" | "available" | "failed";

export interface ImageRecord extends Tagged {
  readonly ownerId: string;
  readonly name: string;
  description: string | undefined;
  readonly architecture: string;
  readonly virtualizationType: string;
  readonly rootDeviceName: string;
  readonly rootDeviceType: "ebs" | "instance-store";
  readonly bootMode: string | undefined;
  readonly tpmSupport: string | undefined;
  readonly uefiData: string | undefined;
  imdsSupport: string | undefined;
  readonly enaSupport: boolean;
  readonly sriovNetSupport: string | undefined;
  readonly mappings: readonly BlockDeviceMapping[];
  readonly createdAt: Date;
  readonly state: State<ImageState>;
  readonly sourceImageId: string | undefined;
  readonly sourceImageRegion: string | undefined;
  readonly launch: Sharing;
  deprecationTime: Date | undefined;
  disabled: boolean;
  deregistered: boolean;
}

export type SnapshotState = "pending" | "completed" | "error";

export interface SnapshotRecord extends Tagged {
  readonly ownerId: string;
  readonly volumeId: string;
  readonly description: string;
  readonly sizeGib: number;
  readonly encrypted: boolean;
  readonly kmsKeyArn: string | undefined;
  readonly startedAt: Date;
  completedAt: Date | undefined;
  readonly state: State<SnapshotState>;
  /** File with the bytes; absent for a snapshot that is all zeros. */
  path: string | undefined;
  fullSizeBytes: number;
  readonly createVolume: Sharing;
}

export type VolumeState = "creating" | "available" | "in-use" | "deleting" | "error";

export interface Attachment {
  readonly instanceId: string;
  readonly device: string;
  readonly attachedAt: Date;
  readonly state: State<"attaching" | "attached" | "detaching">;
  deleteOnTermination: boolean;
}

export interface VolumeRecord extends Tagged {
  readonly zone: Zone;
  readonly sizeGib: number;
  readonly type: string;
  readonly iops: number | undefined;
  readonly throughput: number | undefined;
  readonly encrypted: boolean;
  readonly kmsKeyArn: string | undefined;
  readonly snapshotId: string | undefined;
  readonly createdAt: Date;
  readonly state: State<VolumeState>;
  readonly path: string;
  /** Settles when the file has its bytes; rejects when it never will. */
  ready: Promise<void>;
  attachment: Attachment | undefined;
  lastSnapshotMs: number | undefined;
}

export type InstanceState =
  | "pending"
  | "running"
  | "shutting-down"
  | "terminated"
  | "stopping"
  | "stopped";

export interface InterfaceRecord extends Tagged {
  readonly subnetId: string;
  readonly privateAddress: string;
  readonly macAddress: string;
  readonly description: string;
  readonly deleteOnTermination: boolean;
  readonly attachmentId: string;
  groupIds: readonly string[];
}

export interface MetadataOptions {
  readonly httpTokens: "optional" | "required";
  readonly httpEndpoint: "enabled";
  readonly hopLimit: number;
  readonly instanceMetadataTags: "enabled" | "disabled";
}

export interface InstanceRecord extends Tagged {
  readonly reservationId: string;
  readonly launchIndex: number;
  readonly imageId: string;
  readonly imageArchitecture: string;
  readonly imageRootDeviceName: string;
  readonly imageBootMode: string | undefined;
  readonly type: InstanceType;
  readonly zone: Zone;
  readonly launchedAt: Date;
  readonly clientToken: string;
  readonly publicAddress: string | undefined;
  readonly metadataOptions: MetadataOptions;
  readonly ebsOptimized: boolean;
  readonly userData: Buffer;
  shutdownBehavior: "stop" | "terminate";
  terminationProtected: boolean;
  readonly networkInterface: InterfaceRecord;
  readonly state: State<InstanceState>;
  stateReason: { readonly code: string; readonly message: string } | undefined;
  transitionReason: string;
  machine: Machine | undefined;
  bootCount: number;
  /** What GetConsoleOutput shows without `Latest`: posted when the instance stopped or ended. */
  postedConsole: { readonly text: string; readonly at: Date } | undefined;
  /** Booting and ending, one after the other. */
  work: Promise<void>;
}

export interface GroupRuleRecord extends Tagged {
  readonly egress: boolean;
  readonly protocol: string;
  readonly fromPort: number;
  readonly toPort: number;
  /** Exactly one of these. */
  readonly cidrIpv4?: string;
  readonly cidrIpv6?: string;
  readonly groupId?: string;
  readonly description: string | undefined;
}

export interface GroupRecord extends Tagged {
  readonly name: string;
  readonly description: string;
  readonly vpcId: string;
  rules: GroupRuleRecord[];
}

export interface SubnetRecord extends Tagged {
  readonly vpcId: string;
  readonly zone: Zone;
  readonly cidr: string;
}

export interface VpcRecord extends Tagged {
  readonly cidr: string;
  readonly routeTableId: string;
  internetGatewayId: string | undefined;
}

export interface KeyRecord {
  readonly id: string;
  readonly arn: string;
  readonly alias: string;
  readonly managedByAws: boolean;
  /** True: the other account of the partition may use it too, by ARN. */
  readonly shared: boolean;
}
