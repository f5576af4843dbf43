/** What a localcloud remembers of an image. */

import type { BlockDeviceMapping } from "@aws-sdk/client-ec2";
import type { Billing } from "../catalog/billing.ts";
import type { State } from "../states.ts";
import type { Sharing } from "./sharing.ts";
import type { Tagged } from "./tagged.ts";

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
