/**
 * What a localcloud remembers of each thing. Records hold facts in our own words; how EC2 shows
 * them is the business of the action that describes them.
 */

import type { BlockDeviceMapping } from "@aws-sdk/client-ec2";
import type { Billing } from "./catalog/billing.ts";
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
  /** ARNs of organizations and organizational units; only images have them. */
  readonly organizationArns: Set<string>;
  everyone: boolean;
}

export type ImageState = "pending" | "available" | "failed";

/** [UG ami-deregistration-protection] */
export type DeregistrationProtection =
  | { readonly state: "disabled"; readonly cooldownEndsAt?: Date }
  | { readonly state: "enabled-without-cooldown" | "enabled-with-cooldown" };

/** [SDK InstanceTypeSpecification]; names may have wildcards. */
export interface InstanceTypeRule {
  readonly supported: readonly string[];
  readonly unsupported: readonly string[];
}

export interface Watermark {
  /** `<account that attached it>:<name>` */
  readonly key: string;
  readonly attachedAt: Date;
  readonly imageId: string;
  readonly regionName: string;
}

export interface ImageRecord extends Tagged {
  readonly ownerId: string;
  readonly ownerAlias: "amazon" | "aws-marketplace" | undefined;
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
  readonly kernelId: string | undefined;
  readonly ramdiskId: string | undefined;
  readonly billing: Billing;
  readonly mappings: readonly BlockDeviceMapping[];
  readonly createdAt: Date;
  readonly state: State<ImageState>;
  stateReason: { readonly code: string; readonly message: string } | undefined;
  readonly sourceImageId: string | undefined;
  readonly sourceImageRegion: string | undefined;
  readonly sourceInstanceId: string | undefined;
  readonly launch: Sharing;
  deprecationTime: Date | undefined;
  protection: DeregistrationProtection;
  instanceTypes: InstanceTypeRule | undefined;
  watermarks: readonly Watermark[];
  lastLaunchedAt: Date | undefined;
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
  /** Absent when its bytes were written to a blank volume: nothing tells where they are from. */
  readonly billing: Billing | undefined;
  readonly startedAt: Date;
  completedAt: Date | undefined;
  readonly state: State<SnapshotState>;
  stateMessage: string | undefined;
  /** What is archived must be restored before it can be used. */
  readonly storageTier: "standard" | "archive";
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
  readonly billing: Billing | undefined;
  /** MiB/s that was paid for; nothing is fetched here, so it changes nothing. */
  readonly initializationRate: number | undefined;
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
  readonly httpEndpoint: "enabled" | "disabled";
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
  /** What CreateImage takes over from the instance, whatever is on its disks by then. */
  readonly imageFacts: Pick<
    ImageRecord,
    "enaSupport" | "imdsSupport" | "sriovNetSupport" | "tpmSupport" | "watermarks"
  >;
  /** The non-volatile UEFI variables; absent on a machine that boots by BIOS. */
  readonly uefiData: string | undefined;
  /** Of its image; its product codes now are those of the volumes attached to it. */
  readonly billing: Billing;
  readonly keyName: string | undefined;
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
  postedConsole: { readonly text: (agoMs?: number) => string; readonly at: Date } | undefined;
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
  /** Of the default VPC. */
  readonly isDefault: boolean;
  mapPublicIpOnLaunch: boolean;
  readonly outpostArn: string | undefined;
}

export interface VpcRecord extends Tagged {
  readonly cidr: string;
  readonly isDefault: boolean;
}

export interface RouteRecord {
  readonly cidr: string;
  /** Of an internet, NAT or transit gateway, or of a peering connection. */
  readonly targetId: string;
}

export interface RouteTableRecord extends Tagged {
  readonly vpcId: string;
  readonly main: boolean;
  /** Subnet id by association id. */
  readonly associations: Map<string, string>;
  /** Beside the local one. */
  readonly routes: RouteRecord[];
}

export interface InternetGatewayRecord extends Tagged {
  vpcId: string | undefined;
}

export interface ElasticAddressRecord extends Tagged {
  readonly publicAddress: string;
}

export type NatGatewayState = "pending" | "available" | "deleted";

export interface NatGatewayRecord extends Tagged {
  readonly vpcId: string;
  readonly subnetId: string;
  /** Both absent: it leads to other VPCs only. */
  readonly allocationId: string | undefined;
  readonly publicAddress: string | undefined;
  readonly privateAddress: string;
  readonly createdAt: Date;
  readonly state: State<NatGatewayState>;
}

export interface KeyPairRecord extends Tagged {
  readonly name: string;
  readonly fingerprint: string;
  readonly createdAt: Date;
}

export interface KeyRecord {
  readonly id: string;
  readonly arn: string;
  readonly alias: string;
  readonly managedByAws: boolean;
  /** Accounts that may use it too, by ARN; `all`: of the whole partition. */
  grantedTo: ReadonlySet<string> | "all";
  /** A disabled key is as good as none. */
  enabled: boolean;
}
