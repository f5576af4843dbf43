/**
 * What a person can say of an image to import, beside its disks: one JSON document. Everything is
 * optional; what EC2 would not let anybody set (its billing, its owner's alias) can be set here,
 * because such images exist. Not checked against RegisterImage's rules for the same reason.
 */

import * as v from "valibot";
import { PLATFORM_BY_USAGE } from "./catalog/billing.ts";

const Tags = v.record(v.string(), v.string());
const Names = v.array(v.string());

const Sharing = v.strictObject({
  accountIds: v.optional(v.array(v.pipe(v.string(), v.regex(/^\d{12}$/)))),
  everyone: v.optional(v.boolean()),
});

/** Of one disk file; by its device name on the command line. */
const SnapshotWords = v.strictObject({
  description: v.optional(v.string()),
  tags: v.optional(Tags),
  /** Id, alias or ARN of a key of the account's: the snapshot is encrypted with it. */
  kmsKeyId: v.optional(v.string()),
  createVolumePermission: v.optional(Sharing),
  archived: v.optional(v.boolean()),
  /** @default that of the image, for the root's snapshot */
  usageOperation: v.optional(v.picklist(Object.keys(PLATFORM_BY_USAGE))),
});

const Mapping = v.strictObject({
  deviceName: v.string(),
  /** Device name of a disk of this import, whose snapshot it gets; several may name the same. */
  disk: v.optional(v.string()),
  /** `ephemeral0` to `ephemeral23` */
  virtualName: v.optional(v.string()),
  /** @default the snapshot's; needed without one */
  sizeGib: v.optional(v.pipe(v.number(), v.integer(), v.minValue(1))),
  volumeType: v.optional(v.picklist(["gp2", "gp3", "io1", "io2", "st1", "sc1", "standard"])),
  iops: v.optional(v.number()),
  throughput: v.optional(v.number()),
  deleteOnTermination: v.optional(v.boolean()),
  /** Only of a volume without a snapshot. */
  encrypted: v.optional(v.boolean()),
  outpostArn: v.optional(v.string()),
});

export const ImageDescription = v.strictObject({
  description: v.optional(v.string()),
  tags: v.optional(Tags),
  virtualizationType: v.optional(v.picklist(["hvm", "paravirtual"])),
  kernelId: v.optional(v.string()),
  ramdiskId: v.optional(v.string()),
  bootMode: v.optional(v.picklist(["legacy-bios", "uefi", "uefi-preferred"])),
  tpmSupport: v.optional(v.picklist(["v2.0"])),
  uefiData: v.optional(v.pipe(v.string(), v.base64())),
  imdsSupport: v.optional(v.picklist(["v2.0"])),
  enaSupport: v.optional(v.boolean()),
  sriovNetSupport: v.optional(v.nullable(v.picklist(["simple"]))),
  rootDeviceName: v.optional(v.string()),
  usageOperation: v.optional(v.picklist(Object.keys(PLATFORM_BY_USAGE))),
  productCodes: v.optional(
    v.array(v.strictObject({ id: v.string(), type: v.picklist(["marketplace", "devpay"]) })),
  ),
  ownerAlias: v.optional(v.picklist(["amazon", "aws-marketplace"])),
  mappings: v.optional(v.array(Mapping)),
  snapshots: v.optional(v.record(v.string(), SnapshotWords)),
  launchPermission: v.optional(
    v.strictObject({ ...Sharing.entries, organizationArns: v.optional(Names) }),
  ),
  deprecationTime: v.optional(v.pipe(v.string(), v.isoTimestamp())),
  deregistrationProtection: v.optional(
    v.picklist(["enabled-without-cooldown", "enabled-with-cooldown"]),
  ),
  disabled: v.optional(v.boolean()),
  instanceTypes: v.optional(
    v.strictObject({ supported: v.optional(Names), unsupported: v.optional(Names) }),
  ),
  /** Keys `<account>:<name>`, or names: then of the account itself. */
  watermarks: v.optional(Names),
});

export type ImageDescription = v.InferOutput<typeof ImageDescription>;
export type MappingDescription = v.InferOutput<typeof Mapping>;
export type SnapshotDescription = v.InferOutput<typeof SnapshotWords>;

/** @throws Error that says where the document is wrong. */
export function readImageDescription(value: unknown): ImageDescription {
  const result = v.safeParse(ImageDescription, value);
  if (result.success) return result.output;
  const [issue] = result.issues;
  const path = v.getDotPath(issue);
  throw new Error(`the description of the image: ${path ?? "it"}: ${issue.message}`);
}
