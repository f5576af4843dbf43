/** An image's block device mapping. */

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
