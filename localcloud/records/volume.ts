/** What a localcloud remembers of a volume. */

import type { Billing } from "../catalog/billing.ts";
import type { Zone } from "../catalog/regions.ts";
import type { State } from "../states.ts";
import type { Tagged } from "./tagged.ts";

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
