/**
 * The verbs of EC2, STS and Service Quotas that a copy uses, in our own words: only what is read is in the answers,
 * nothing optional that we need, no paging, no `Reservations`. Every verb throws only `CloudError`.
 * A describe by ids or tags answers what it finds and leaves out what is not there: absence is an
 * expected value here, not an exception.
 */

import type {
  CreateImageRequest,
  DeregistrationProtection,
  Image,
  ImageQuery,
  InstanceTypeRule,
  LaunchPermission,
  RegisterRequest,
} from "./image.ts";
import type {
  BootRequest,
  Instance,
  InstanceTypeFacts,
  LaunchRequest,
  RunningInstance,
  TriedLaunch,
} from "./instance.ts";
import type {
  GroupRequest,
  NatGateway,
  RouteTable,
  Rule,
  SecurityGroup,
  Subnet,
  SubnetQuery,
} from "./network.ts";
import type {
  Snapshot,
  SnapshotPermission,
  SnapshotRequest,
  SnapshotsRequest,
} from "./snapshot.ts";
import type { IdOrTagQuery, Tags } from "./tags.ts";
import type { TriedVolume, Volume, VolumeRequest } from "./volume.ts";

export interface CallerIdentity {
  readonly accountId: string;
  /** `aws`, `aws-us-gov`, `aws-cn`, … */
  readonly partition: string;
  readonly arn: string;
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
