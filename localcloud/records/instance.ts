/** What a localcloud remembers of an instance and its network interface. */

import type { Billing } from "../catalog/billing.ts";
import type { InstanceType } from "../catalog/instance-types.ts";
import type { Zone } from "../catalog/regions.ts";
import type { Machine } from "../machines/machine.ts";
import type { State } from "../states.ts";
import type { ImageRecord } from "./image.ts";
import type { Tagged } from "./tagged.ts";

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
