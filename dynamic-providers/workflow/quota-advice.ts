/**
 * Which quota a call was refused for, by its name in the console of Service Quotas, and what to do.
 * EC2 itself tells no quota beforehand, and a dry run looks at rights only. Pure.
 *
 * Sources: the error codes of EC2's API reference; the lists of quotas of Amazon EC2, EBS and VPC.
 */

const QUOTAS: Readonly<Record<string, readonly [name: string, otherwise: string]>> = {
  VcpuLimitExceeded: [
    "Running On-Demand Standard (A, C, D, H, I, M, R, T, Z) instances (ec2, L-1216C47A)",
    "end instances",
  ],
  VolumeLimitExceeded: [
    "Storage for General Purpose SSD (gp3) volumes, in TiB (ebs, L-7A658B76)",
    "delete volumes",
  ],
  SnapshotLimitExceeded: ["Snapshots per Region (ebs, L-309BACF6)", "delete snapshots"],
  PendingSnapshotLimitExceeded: [
    "snapshots in progress (ask AWS support for it)",
    "wait until others are completed",
  ],
  SecurityGroupLimitExceeded: [
    "VPC security groups per Region (vpc, L-E79EC296)",
    "delete security groups",
  ],
};

/** @param code - Of an error of kind `quota`. */
export function quotaAdvice(code: string): string {
  const [name, otherwise] = QUOTAS[code] ?? ["that quota", "free some of it"];
  return `Raise for this account and region: ${name}; or ${otherwise}; then run \`pulumi up\` again.`;
}
