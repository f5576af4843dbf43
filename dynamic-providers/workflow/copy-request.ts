/**
 * What a copy is asked to do and what it answers: the types that the resources behind `CopiedAmi`
 * and the workflow share. Plain JSON all through, because Pulumi stores every one of them.
 */

import type {
  DeregistrationProtection,
  InstanceTypeRule,
  LaunchPermission,
  RegisterRequest,
} from "../ec2/image.ts";
import type { SideReference } from "../ec2/side-reference.ts";
import type { SnapshotPermission } from "../ec2/snapshot.ts";
import type { Tags } from "../ec2/tags.ts";

export type { SideReference };

/** Wishes for one helper; whatever is absent is chosen. */
export interface HelperRequest {
  readonly instanceType?: string;
  readonly imageId?: string;
  readonly subnetId?: string;
  /** Address at which the other helper reaches this one. Default `"public"`. */
  readonly address?: "public" | "private";
  /** What the world sees of it when it is behind a NAT that is not found from its route table. */
  readonly natAddress?: string;
  /** The last way to a Node, by the helper's architecture. Absent: only its image and its package. */
  readonly nodeArchives?: NodeArchives;
  /** Absent: SSH is closed and a failed helper ends at once. */
  readonly debug?: DebugRequest;
  readonly tags?: Readonly<Record<string, string>>;
}

/** Archives of Node.js, as nodejs.org packs them, by EC2's name of the architecture. */
export type NodeArchives = Partial<Record<"arm64" | "x86_64", NodeArchive>>;

export interface NodeArchive {
  /** HTTPS, of a `.tar.gz`. */
  readonly url: string;
  /** 64 hex digits. */
  readonly sha256: string;
}

/** How to look into a helper that has failed. */
export interface DebugRequest {
  /** A key pair of its account and region. */
  readonly keyName: string;
  /** The one IPv4 address from which SSH is let in. */
  readonly sshFrom: string;
  /** How long it stays after it has failed. */
  readonly keepMinutes: number;
}

/** How a device of the copy is to differ from the source's. */
export interface DeviceChange {
  readonly volumeType?: string;
  readonly iops?: number;
  readonly throughputMibps?: number;
  /** Not smaller than the snapshot. */
  readonly volumeSizeGib?: number;
  readonly deleteOnTermination?: boolean;
}

/** Who may use the copy: whoever may use the source, under the account ids of the other side. */
export interface PermissionMap {
  /** Source account id → destination account id; without an entry an id stays as it is. */
  readonly accountIds: Readonly<Record<string, string>>;
}

/** One copy, validated and with defaults filled in. */
export interface CopyRequest {
  readonly sourceAmiId: string;
  readonly source: SideReference;
  readonly destination: SideReference;
  /** Absent: the source's, with `-` and 7 hex of the run when that is taken. */
  readonly name?: string;
  /** Absent: the source's. */
  readonly description?: string;
  readonly tags: Readonly<Record<string, string>>;
  readonly copyTags: boolean;
  /** Absent: each snapshot as its source. */
  readonly encrypted?: boolean;
  readonly kmsKeyId?: string;
  /** By device name. Absent: as the source. */
  readonly blockDevices?: Readonly<Record<string, DeviceChange>>;
  /** Of the destination's region, for paravirtual images. */
  readonly kernelId?: string;
  readonly ramdiskId?: string;
  /** Of the destination. Absent: found, when the source is licensed. */
  readonly licenseDonorAmiId?: string;
  /** Absent: the copy is private. */
  readonly copyLaunchPermissions?: PermissionMap;
  /** Refuse what cannot be carried over wholly. Absent: report it. */
  readonly strict?: boolean;
  /** Start the source once when its snapshots may not be read. Absent: refuse it. */
  readonly allowBootOfSource?: boolean;
  readonly helper: { readonly source: HelperRequest; readonly destination: HelperRequest };
  /** Start of the Name tag of everything temporary. */
  readonly temporaryNamePrefix: string;
  readonly timeoutMinutes: number;
}

/** Where one side really is, by GetCallerIdentity. */
export interface SideIdentity {
  readonly region: string;
  readonly accountId: string;
  /** `aws`, `aws-us-gov`, `aws-cn`, … */
  readonly partition: string;
}

/** One run: what CopyRun keeps in state so that everything of it can be found again. */
export interface RunIdentity {
  /** 16 hex digits, the value of the tag `amicopy:run`. */
  readonly runId: string;
  /** 16 hex digits, the value of the tag `amicopy:stack-row`. Absent: made by an earlier version. */
  readonly row?: string;
  /** Absent: made by an earlier version. */
  readonly rowTime?: RowTime;
  readonly source: SideIdentity;
  readonly destination: SideIdentity;
}

/** A run of which it is not yet known where its sides are. */
export type NewRun = Omit<RunIdentity, "source" | "destination">;

/**
 * Between these another run of the row can only be of a `pulumi` beside ours, of which our state knows
 * nothing. ISO 8601 UTC, by AWS's clock.
 */
export interface RowTime {
  /** When the process began whose engine knew the state without that run. */
  readonly claimedAfter: string;
  /** When this run was made. */
  readonly begunBefore: string;
}

export interface CopiedSnapshot {
  readonly deviceName: string;
  readonly sourceSnapshotId: string;
  readonly snapshotId: string;
  readonly volumeSizeGib: number;
  /** 64 hex digits: SHA-256 over the SHA-256s of the 1 MiB leaves. */
  readonly digest: string;
}

/** All that RegisterImage is told besides the tags. The snapshots are the copies. */
export type Registration = Omit<RegisterRequest, "tags">;

/** What a copy has made of one attribute of its source. */
export interface FidelityLine {
  /** In words: `boot mode`, `/dev/sdb`. */
  readonly attribute: string;
  /** `asked`: other than the source because the request says so. `lost`: it cannot be, or is not asked for. */
  readonly outcome: "kept" | "asked" | "lost";
  readonly source: string;
  /** What the copy has; empty: nothing. */
  readonly copy: string;
  /** Why it is not as the source. */
  readonly reason?: string;
}

/** What of a copy can be changed in place, as it is wanted. */
export interface ImageWishes {
  readonly description: string;
  readonly tags: Tags;
  readonly launchPermissions: readonly LaunchPermission[];
  /** Of the copy's snapshots, by their ids. Absent: nobody looks at them. */
  readonly snapshotPermissions?: Readonly<Record<string, readonly SnapshotPermission[]>>;
  /** ISO 8601. */
  readonly deprecationTime?: string;
  readonly deregistrationProtection?: DeregistrationProtection;
  readonly instanceTypes?: InstanceTypeRule;
  readonly disabled: boolean;
}

/** What there is at the destination after a copy. */
export interface CopiedImageFacts {
  readonly imageId: string;
  readonly imageArn: string;
  readonly name: string;
  readonly description: string;
  readonly architecture: string;
  readonly rootDeviceName: string;
  readonly rootSnapshotId: string;
  readonly ownerId: string;
  readonly region: string;
  readonly partition: string;
  readonly sourceImageId: string;
  /** The tags that were wanted on the image: copied and given ones together, ours not. */
  readonly imageTags: Readonly<Record<string, string>>;
  readonly snapshots: readonly CopiedSnapshot[];
  /** As what it was registered, so that it can be registered again when its source is gone. */
  readonly registration: Registration;
  /** Absent: plain Linux. Then it was registered, otherwise made of an instance. */
  readonly license?: {
    readonly platformDetails: string;
    readonly usageOperation: string;
    /** The image that has lent the licence. */
    readonly donorImageId: string;
  };
  /** Attribute by attribute, against the source as it was when it was copied. */
  readonly fidelity: readonly FidelityLine[];
  readonly bytesRead: number;
  /** UDP payload bytes of the sender. */
  readonly bytesSent: number;
  /** Of those the ones that went a second time or more: what the network has cost. */
  readonly bytesResent: number;
  readonly durationSeconds: number;
}

/** The life of one helper, told after its end. */
export interface HelperFacts {
  readonly instanceId: string;
  readonly instanceType: string;
  readonly availabilityZone: string;
  /** ISO 8601 UTC. */
  readonly launchedAt: string;
  readonly terminatedAt: string;
  readonly outcome: "complete" | "aborted" | "not-needed";
}

export interface CopyResult {
  readonly image: CopiedImageFacts;
  /** What of the image was wanted, and is so now. */
  readonly wishes: ImageWishes;
  readonly helpers: { readonly source: HelperFacts; readonly destination: HelperFacts };
  readonly attempt: number;
  /** What could not be cleaned up though the copy is good: a line each, why included. */
  readonly leftBehind: readonly string[];
}

/** The rows of a stack that show a run's progress. */
export type ProgressRow = "image" | "source" | "destination";
