/**
 * What an account has decided about itself in one region. EC2's own settings are changed by EC2's
 * own actions; rights, quotas and subscriptions, which other services keep, by `configure`.
 */

import type { ImageCriterion } from "@aws-sdk/client-ec2";

/** Each is refused by the code that EC2 has for it. [errors-overview] */
export interface Quotas {
  /** Of pending and running on-demand instances: `VcpuLimitExceeded`. */
  readonly vcpus: number;
  /** All volumes of a type together: `VolumeLimitExceeded`. */
  readonly volumeGib: number;
  /** `SnapshotLimitExceeded` */
  readonly snapshots: number;
  /** In the making, of all volumes: `PendingSnapshotLimitExceeded`. */
  readonly pendingSnapshots: number;
  /** Of a VPC: `SecurityGroupLimitExceeded`. */
  readonly securityGroups: number;
  /** Shared with everyone: `ResourceLimitExceeded`. EC2's default is 5. [UG ami-quotas] */
  readonly publicImages: number;
}

export interface AccountSettings {
  encryptionByDefault: boolean;
  /** ARN; absent: `aws/ebs`. */
  defaultKeyArn: string | undefined;
  imageBlockPublicAccess: "unblocked" | "block-new-sharing";
  snapshotBlockPublicAccess: "unblocked" | "block-new-sharing" | "block-all-sharing";
  allowedImages: {
    readonly state: "disabled" | "audit-mode" | "enabled";
    readonly criteria: readonly ImageCriterion[];
  };
  quotas: Quotas;
  /** Of EBS, which the region does not offer. */
  missingVolumeTypes: readonly string[];
  /** Actions that nobody of the account may do, e.g. `ec2:RunInstances`; `*` is any text. */
  denied: readonly string[];
  /** Product codes of the Marketplace that the account has subscribed to. */
  subscriptions: readonly string[];
}

/** As of an account that has had its quotas raised and nothing else done to it. */
export function usualSettings(): AccountSettings {
  return {
    encryptionByDefault: false,
    defaultKeyArn: undefined,
    imageBlockPublicAccess: "unblocked",
    snapshotBlockPublicAccess: "unblocked",
    allowedImages: { state: "disabled", criteria: [] },
    quotas: {
      vcpus: 1152,
      volumeGib: 300 * 1024,
      snapshots: 100_000,
      pendingSnapshots: 100,
      securityGroups: 2500,
      publicImages: 100,
    },
    missingVolumeTypes: [],
    denied: [],
    subscriptions: [],
  };
}
