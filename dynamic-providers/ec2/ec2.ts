/**
 * The verbs of EC2, STS and Service Quotas that a copy uses, in our own words: only what is read is in the answers,
 * nothing optional that we need, no paging, no `Reservations`. Every verb throws only `CloudError`.
 * A describe by ids or tags answers what it finds and leaves out what is not there: absence is an
 * expected value here, not an exception.
 */

export type Tags = Readonly<Record<string, string>>;

export interface CallerIdentity {
  readonly accountId: string;
  /** `aws`, `aws-us-gov`, `aws-cn`, … */
  readonly partition: string;
  readonly arn: string;
}

export type Architecture = "arm64" | "arm64_mac" | "i386" | "x86_64" | "x86_64_mac";

/** One line of an image's block device mapping. Exactly one of the three kinds. */
export type BlockDevice = SnapshotDevice | BlankDevice | EphemeralDevice;

interface EbsDevice {
  readonly deviceName: string;
  readonly volumeSizeGib?: number;
  readonly volumeType?: string;
  readonly iops?: number;
  readonly throughputMibps?: number;
  readonly deleteOnTermination: boolean;
}

export interface SnapshotDevice extends EbsDevice {
  readonly kind: "snapshot";
  readonly snapshotId: string;
}

export interface BlankDevice extends EbsDevice {
  readonly kind: "blank";
  readonly encrypted: boolean;
}

export interface EphemeralDevice {
  readonly kind: "ephemeral";
  readonly deviceName: string;
  /** `ephemeral0`, … */
  readonly virtualName: string;
}

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

export interface SecurityGroup {
  readonly groupId: string;
  readonly name: string;
  readonly description: string;
  readonly vpcId: string;
  readonly tags: Tags;
}

export interface Subnet {
  readonly subnetId: string;
  readonly vpcId: string;
  readonly availabilityZone: string;
  readonly mapsPublicAddress: boolean;
  /** Absent: it is in the region itself. */
  readonly outpostArn?: string;
}

export interface RouteTable {
  readonly routeTableId: string;
  /** Of its VPC: it holds in every subnet that has no table of its own. */
  readonly isMain: boolean;
  readonly subnetIds: readonly string[];
  readonly routes: readonly Route[];
}

export interface Route {
  /** IPv4 only. */
  readonly cidr: string;
  /** Id of what it leads to: `igw-…`, `nat-…`, `tgw-…`, `local`. */
  readonly target: string;
  /** False: what it leads to is gone. */
  readonly isActive: boolean;
}

export interface NatGateway {
  readonly natGatewayId: string;
  /** None for a private one. */
  readonly publicAddresses: readonly string[];
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

/** Tags to match: a value, or `undefined` for any value of the key. */
export type TagQuery = Readonly<Record<string, string | undefined>>;

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

export interface IdOrTagQuery {
  readonly ids?: readonly string[];
  readonly tags?: TagQuery;
}

export interface SubnetQuery {
  readonly subnetIds?: readonly string[];
  /** Only the default subnets of the default VPC. */
  readonly defaults?: boolean;
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
  /** On the instance, its volumes and its network interface, in the call itself. */
  readonly tags: Tags;
}

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

/** Something that takes vCPUs. */
export interface RunningInstance {
  readonly instanceType: string;
  readonly vcpus: number;
  readonly isOnDemand: boolean;
}

/** What a dry run of a launch needs to know: who may do it depends on no more. */
export type TriedLaunch = Omit<LaunchRequest, "clientToken" | "securityGroupId" | "userData">;

export interface GroupRequest {
  readonly name: string;
  readonly description: string;
  readonly vpcId: string;
  readonly tags: Tags;
}

export interface Rule {
  readonly protocol: "tcp" | "udp" | "-1";
  /** Absent for protocol `-1`. */
  readonly port?: number;
  /** IPv4 or IPv6. */
  readonly cidr: string;
}

export interface SnapshotRequest {
  readonly volumeId: string;
  readonly description: string;
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

/** One snapshot of each volume of an instance, all of the same moment. */
export interface SnapshotsRequest {
  readonly instanceId: string;
  readonly description: string;
  readonly tags: Tags;
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

/** Who may make volumes of a snapshot. */
export interface SnapshotPermission {
  readonly userId?: string;
  /** `all`: public. */
  readonly group?: string;
}

/** Who may launch an image. */
export interface LaunchPermission {
  readonly userId?: string;
  /** `all`: public. */
  readonly group?: string;
  readonly organizationArn?: string;
  readonly organizationalUnitArn?: string;
}

export interface EncryptionDefaults {
  /** Whether everything new is encrypted, asked for or not. */
  readonly encryptsByDefault: boolean;
  /** Id, ARN or alias of the key that is used when none is given; `alias/aws/ebs` is AWS's own. */
  readonly keyId: string;
}

export interface Change<Item> {
  readonly add: readonly Item[];
  readonly remove: readonly Item[];
}

/**
 * One side of a copy. Describes are retried on throttling and on silence. Of the writes only those
 * that are safe to repeat are: a create without a client token is tried once, and whoever calls it
 * looks for what it may have made (`workflow/create-once.ts`).
 */
export interface Ec2 {
  readonly region: string;

  /** @param region - Asks there instead: tells a wrong region from wrong credentials. */
  callerIdentity(region?: string): Promise<CallerIdentity>;

  describeImages(query: ImageQuery): Promise<Image[]>;
  describeSnapshots(query: IdOrTagQuery): Promise<Snapshot[]>;
  describeInstances(query: IdOrTagQuery): Promise<Instance[]>;
  describeVolumes(query: IdOrTagQuery): Promise<Volume[]>;
  describeSecurityGroups(
    query: IdOrTagQuery & { readonly name?: string },
  ): Promise<SecurityGroup[]>;
  describeSubnets(query: SubnetQuery): Promise<Subnet[]>;
  /** All of a VPC. */
  describeRouteTables(vpcId: string): Promise<RouteTable[]>;
  describeNatGateways(ids: readonly string[]): Promise<NatGateway[]>;
  /** Unknown names are left out. */
  describeInstanceTypes(names: readonly string[]): Promise<InstanceTypeFacts[]>;
  /** Which of these types which zone offers. */
  describeOfferings(names: readonly string[]): Promise<{ instanceType: string; zone: string }[]>;
  hasKeyPair(name: string): Promise<boolean>;
  /** Whether the account lets no image become public in this region. */
  blocksPublicImages(): Promise<boolean>;
  /**
   * Which images of others the account lets itself use in this region, in words, each line enough
   * by itself; `undefined`: all.
   */
  allowedImages(): Promise<readonly string[] | undefined>;
  /**
   * What Service Quotas applies to the account in this region; `undefined`: it does not know it. Not
   * everybody may ask it, and not every partition has it.
   *
   * @param quotaCode - `L-1216C47A`
   */
  serviceQuota(serviceCode: string, quotaCode: string): Promise<number | undefined>;
  /** All of the account that are pending or running. */
  runningInstances(): Promise<RunningInstance[]>;
  /** Of all the account's volumes of a type. */
  storageInUseGib(volumeType: string): Promise<number>;
  /** The account's own. */
  publicImageCount(): Promise<number>;
  /** When credentials that cannot be renewed end, ISO 8601; `undefined`: they can, or do not tell. */
  credentialsEnd(): string | undefined;
  /**
   * How far this computer's clock is behind AWS's, in milliseconds, as the answers so far have shown;
   * 0 for less than four minutes. The SDK signs with it, so that a wrong clock is no error.
   */
  clockBehindMs(): number;
  /** What the account does to new volumes and snapshots in this region. */
  encryptionDefaults(): Promise<EncryptionDefaults>;
  consoleOutput(instanceId: string): Promise<string>;
  /** For the image's owner only. */
  launchPermissions(imageId: string): Promise<LaunchPermission[]>;
  /** For the image's owner only: base64 of its UEFI variable store; `undefined`: it has none. */
  uefiData(imageId: string): Promise<string | undefined>;
  /** For the snapshot's owner only. */
  snapshotPermissions(snapshotId: string): Promise<SnapshotPermission[]>;

  /** Idempotent by its token. */
  runInstance(request: LaunchRequest): Promise<Instance>;
  /** Idempotent by its token. */
  bootImage(request: BootRequest): Promise<Instance>;
  /** A dry run of a blank one: throws what the call would, as far as EC2 looks. */
  tryCreateVolume(request: TriedVolume): Promise<void>;
  /** A dry run: throws what the call would, as far as EC2 looks. */
  tryRunInstance(request: TriedLaunch): Promise<void>;
  terminateInstance(instanceId: string): Promise<void>;
  /** Pulls the plug: its system is not asked to shut down. One that is stopped already is fine. */
  stopInstance(instanceId: string): Promise<void>;
  /** Idempotent by its token. */
  createVolume(request: VolumeRequest): Promise<string>;
  deleteVolume(volumeId: string): Promise<void>;
  attachVolume(volumeId: string, instanceId: string, deviceName: string): Promise<void>;
  detachVolume(volumeId: string, instanceId: string): Promise<void>;

  createSecurityGroup(request: GroupRequest): Promise<string>;
  /** A dry run: throws what the call would, as far as EC2 looks. */
  tryCreateSecurityGroup(request: GroupRequest): Promise<void>;
  deleteSecurityGroup(groupId: string): Promise<void>;
  /** A rule that is there already is fine. */
  allow(groupId: string, direction: "ingress" | "egress", rules: readonly Rule[]): Promise<void>;
  /** A rule that is not there is fine. */
  revoke(groupId: string, direction: "ingress" | "egress", rules: readonly Rule[]): Promise<void>;
  /** Takes every rule away: nothing in, nothing out. */
  closeSecurityGroup(groupId: string): Promise<void>;

  createSnapshot(request: SnapshotRequest): Promise<string>;
  createSnapshots(
    request: SnapshotsRequest,
  ): Promise<{ readonly snapshotId: string; readonly volumeId: string }[]>;
  deleteSnapshot(snapshotId: string): Promise<void>;

  registerImage(request: RegisterRequest): Promise<string>;
  /** Of a stopped instance. */
  createImage(request: CreateImageRequest): Promise<string>;
  deregisterImage(imageId: string): Promise<void>;
  setImageDescription(imageId: string, description: string): Promise<void>;
  /** @param time - ISO 8601; `undefined` takes the deprecation away. */
  setImageDeprecation(imageId: string, time: string | undefined): Promise<void>;
  setImageDisabled(imageId: string, disabled: boolean): Promise<void>;
  /** Instances of it then ask for tokens at their metadata service. Cannot be taken back. */
  requireMetadataTokens(imageId: string): Promise<void>;
  /** @param protection - `undefined` takes it off. */
  setDeregistrationProtection(
    imageId: string,
    protection: DeregistrationProtection | undefined,
  ): Promise<void>;
  /** @param rule - `undefined`: every type may launch it. */
  setInstanceTypes(imageId: string, rule: InstanceTypeRule | undefined): Promise<void>;
  changeLaunchPermissions(imageId: string, change: Change<LaunchPermission>): Promise<void>;
  changeSnapshotPermissions(snapshotId: string, change: Change<SnapshotPermission>): Promise<void>;

  setTags(resourceIds: readonly string[], tags: Tags): Promise<void>;
  removeTags(resourceIds: readonly string[], keys: readonly string[]): Promise<void>;
}
