/** What a localcloud remembers of a snapshot. */

import type { Billing } from "../catalog/billing.ts";
import type { State } from "../states.ts";
import type { Sharing } from "./sharing.ts";
import type { Tagged } from "./tagged.ts";

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
