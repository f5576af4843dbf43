/**
 * What a person can set of an account in a region that no action of EC2 sets: rights, quotas,
 * subscriptions, keys. One JSON document; what it does not mention stays as it is.
 */

import * as v from "valibot";

const Count = v.pipe(v.number(), v.integer(), v.minValue(0));

export const Configuration = v.strictObject({
  /** Actions that are refused to everybody of the account: `ec2:RunInstances`, `ec2:Describe*`. */
  denied: v.optional(v.array(v.pipe(v.string(), v.regex(/^(ec2|sts|servicequotas):[A-Za-z*]+$/)))),
  /** Product codes of the Marketplace that the account has subscribed to. */
  subscriptions: v.optional(v.array(v.string())),
  quotas: v.optional(
    v.strictObject({
      vcpus: v.optional(Count),
      volumeGib: v.optional(Count),
      snapshots: v.optional(Count),
      pendingSnapshots: v.optional(Count),
      securityGroups: v.optional(Count),
      publicImages: v.optional(Count),
    }),
  ),
  /** Types of EBS volumes that the region does not offer: `io2`, … */
  missingVolumeTypes: v.optional(v.array(v.string())),
  /** By alias: `alias/amicopy-test`, … */
  keys: v.optional(
    v.record(
      v.string(),
      v.strictObject({
        enabled: v.optional(v.boolean()),
        /** Account ids of the same partition, instead of those before. */
        grantedTo: v.optional(v.array(v.pipe(v.string(), v.regex(/^\d{12}$/)))),
      }),
    ),
  ),
  /** False: there is no default VPC any more, as in many real accounts. */
  defaultVpc: v.optional(v.literal(false)),
});

export type Configuration = v.InferOutput<typeof Configuration>;

/** @throws Error that says where the document is wrong. */
export function readConfiguration(value: unknown): Configuration {
  const result = v.safeParse(Configuration, value);
  if (result.success) return result.output;
  const [issue] = result.issues;
  throw new Error(`the settings of the account: ${v.getDotPath(issue) ?? "it"}: ${issue.message}`);
}
