/**
 * `CopyRequest` as a program gives it: every part may be an output of another resource, and what is
 * left out gets its default in `check`. Declared once, for the component and for the rows behind it.
 *
 * "A change:" says what a later change of the argument does to a finished copy. *Replaces* means: a
 * new copy is made first, then the old one is deleted.
 */

import type { Input } from "@pulumi/pulumi";

/** A role to assume, on top of the credentials that are found otherwise. */
export interface AssumeRoleArgs {
  /** `arn:<partition>:iam::<account>:role/<name>`. */
  readonly roleArn: Input<string>;
  /** 2 to 1224 characters; what the role's trust policy asks for. Default: none. */
  readonly externalId?: Input<string> | undefined;
  /** 2 to 64 characters, shown in CloudTrail. Default: `amicopy`. */
  readonly sessionName?: Input<string> | undefined;
}

/**
 * Where one side of the copy is, and how to reach it. Only references to credentials: there is no
 * argument for a key, because Pulumi stores every argument in its state. With neither `profile` nor
 * `environmentPrefix` the AWS SDK's own chain is used (environment, SSO, instance role, …).
 *
 * A change of `region`, or to another account by `expectedAccountId` or the role's: replaces. Every
 * other change of how a side is reached: in place, without any call, so that a later `pulumi destroy`
 * uses the new way.
 */
export interface SideArgs {
  /** Name of the region, e.g. `us-gov-west-1`. */
  readonly region: Input<string>;
  /** A profile of the shared AWS configuration: that one only, no fall-through. Not together with `environmentPrefix`. */
  readonly profile?: Input<string> | undefined;
  /** A role to assume with the credentials found. Default: none. */
  readonly assumeRole?: Input<AssumeRoleArgs> | undefined;
  /** `"SOURCE_"` reads `SOURCE_AWS_ACCESS_KEY_ID`, `SOURCE_AWS_SECRET_ACCESS_KEY` and `SOURCE_AWS_SESSION_TOKEN` at each operation. */
  readonly environmentPrefix?: Input<string> | undefined;
  /** 12 digits. The copy is refused when the credentials lead to another account. Default: any account. */
  readonly expectedAccountId?: Input<string> | undefined;
}

/** How to look into a helper that has failed. */
export interface DebugArgs {
  /** Name of a key pair in the helper's account and region. */
  readonly keyName: Input<string>;
  /** The one IPv4 address from which SSH (22/tcp) is let in, while the helper is there. */
  readonly sshFrom: Input<string>;
  /** How long a failed helper stays, 1 to 1440. The next `up` or `destroy` ends it before. Default: 60. */
  readonly keepMinutes?: Input<number> | undefined;
}

/** An archive of Node.js as nodejs.org packs it. */
export interface NodeArchiveArgs {
  /** HTTPS, of a `.tar.gz` with `bin/node` in it; no user and no query, since a helper's user data is no place for a secret. */
  readonly url: Input<string>;
  /** What the archive must hash to, 64 hex digits. Another one is not run. */
  readonly sha256: Input<string>;
}

/** Archives of Node.js for the architectures that a helper may have. */
export interface NodeArchivesArgs {
  readonly arm64?: Input<NodeArchiveArgs> | undefined;
  readonly x86_64?: Input<NodeArchiveArgs> | undefined;
}

/** Wishes for one helper instance. A change of any of them: nothing; the next copy uses it. */
export interface HelperSideArgs {
  /** E.g. `c8gn.xlarge`; never substituted. Default: the first of a list that a zone offers. */
  readonly instanceType?: Input<string> | undefined;
  /** An Amazon Linux 2023 image of the instance type's architecture. Default: the newest of Amazon's. */
  readonly imageId?: Input<string> | undefined;
  /** Default: a default subnet of the default VPC. */
  readonly subnetId?: Input<string> | undefined;
  /** At which address the other helper reaches this one. Default: `"public"`. */
  readonly address?: Input<"public" | "private"> | undefined;
  /** IPv4 address that the world sees of a helper behind a NAT: needed where its subnet leads out through something else than one of EC2's NAT gateways. Not together with `address: "private"`. Default: found from the subnet's route table. */
  readonly natAddress?: Input<string> | undefined;
  /** Where the helper gets Node.js from when neither its image nor the distribution's packages have one. Default: nowhere. */
  readonly nodeArchives?: Input<NodeArchivesArgs> | undefined;
  /** Lets you log in, and keeps the helper for a while when the copy fails. Default: neither. */
  readonly debug?: Input<DebugArgs> | undefined;
  /** Further tags of the instance and its volumes; keys of letters, digits and `+ - = . , _ : @` only. Default: none. */
  readonly tags?: Input<Record<string, Input<string>>> | undefined;
}

/** Wishes for both helpers. */
export interface HelperArgs {
  readonly source?: Input<HelperSideArgs> | undefined;
  readonly destination?: Input<HelperSideArgs> | undefined;
}

/** How a device of the copy differs from the source's. What is absent is as the source has it. */
export interface DeviceChangeArgs {
  /** `gp2`, `gp3`, `io1`, `io2`, `st1`, `sc1`, `standard`. Another type drops the source's `iops` and `throughputMibps`. */
  readonly volumeType?: Input<string> | undefined;
  /** Operations per second. */
  readonly iops?: Input<number> | undefined;
  /** MiB per second. */
  readonly throughputMibps?: Input<number> | undefined;
  /** GiB, not smaller than the snapshot. */
  readonly volumeSizeGib?: Input<number> | undefined;
  readonly deleteOnTermination?: Input<boolean> | undefined;
}

/** Who may use the copy: whoever may use the source. */
export interface PermissionMapArgs {
  /** Source account id → destination account id. Without an entry an id stays as it is within a partition, and is left out across partitions. */
  readonly accountIds: Input<Record<string, Input<string>>>;
}

/** What to copy, from where, to where, and how. */
export interface CopyRequestArgs {
  /** The image to copy, `ami-…`. A change: replaces. */
  readonly sourceAmiId: Input<string>;
  /** Where the image is. */
  readonly source: Input<SideArgs>;
  /** Where the copy is to be. */
  readonly destination: Input<SideArgs>;
  /** 3 to 128 characters. Default: the source's name, with `-` and 7 hex digits when that is taken. A change: replaces. */
  readonly name?: Input<string> | undefined;
  /** At most 255 characters. Default: the source's. A change: in place. */
  readonly description?: Input<string> | undefined;
  /** Tags of the image and its snapshots, over the copied ones. Default: none. A change: in place, on the image. */
  readonly tags?: Input<Record<string, Input<string>>> | undefined;
  /** Whether the source image's tags are copied, `aws:` ones never. Default: `true`. A change: in place. */
  readonly copyTags?: Input<boolean> | undefined;
  /** Whether the copy's snapshots are encrypted. Default: each as its source. A change: replaces. */
  readonly encrypted?: Input<boolean> | undefined;
  /** Key id, ARN or alias at the destination, for encrypted snapshots. Default: the account's default key for EBS. A change: replaces. */
  readonly kmsKeyId?: Input<string> | undefined;
  /** Changes of single devices, by device name (`/dev/sdf`), for what the destination does not offer. Default: as the source. A change: replaces. */
  readonly blockDevices?: Input<Record<string, Input<DeviceChangeArgs>>> | undefined;
  /** Kernel at the destination (`aki-…`) for a paravirtual image, which is refused without. A change: replaces. */
  readonly kernelId?: Input<string> | undefined;
  /** RAM disk at the destination (`ari-…`) for a paravirtual image. A change: replaces. */
  readonly ramdiskId?: Input<string> | undefined;
  /**
   * An image at the destination that lends its licence to the copy of a licensed one (Windows, RHEL, SUSE, SQL Server): its architecture, boot mode, TPM, ENA
   * support, root device and what it is billed as must be the source's. Default: the newest such image of Amazon's. A change: nothing; the next copy uses it.
   */
  readonly licenseDonorAmiId?: Input<string> | undefined;
  /** Carries the launch permissions of the image, and those of its snapshots, over. Default: the copy is private. A change: in place. */
  readonly copyLaunchPermissions?: Input<PermissionMapArgs> | undefined;
  /** Refuses, before anything starts, what cannot be carried over wholly. Default: `false`, and `fidelity` tells. A change: nothing; the next copy uses it. */
  readonly strict?: Input<boolean> | undefined;
  /** Whether a source whose snapshots may be launched but not read is started once, without a network, and copied as it is then. Default: `false`, and such a source is refused. A change: nothing; the next copy uses it. */
  readonly allowBootOfSource?: Input<boolean> | undefined;
  /** Wishes for the helper instances. A change: nothing; the next copy uses it. */
  readonly helper?: Input<HelperArgs> | undefined;
  /** Start of the names of everything temporary, at most 64 characters. Default: `amicopy`. A change: nothing; the next copy uses it. */
  readonly temporaryNamePrefix?: Input<string> | undefined;
  /** Limit of the whole copy in minutes, 1 to 10080. Default: 1440 (a day). A change: nothing; the next copy uses it. */
  readonly timeoutMinutes?: Input<number> | undefined;
}
