/**
 * Which quota a call was refused for, and what to do. Preflight asks for most of them beforehand
 * (`preflight/check-quotas.ts`); what it may not ask, or what others have used since, shows here. Pure.
 *
 * Source: the error codes of EC2's API reference.
 */

import {
  formatQuota,
  PENDING_SNAPSHOTS,
  type Quota,
  SECURITY_GROUPS,
  SNAPSHOTS,
  STANDARD_VCPUS,
  STORAGE,
} from "./quotas.ts";

const QUOTAS: Readonly<Record<string, readonly [quota: Quota | undefined, otherwise: string]>> = {
  VcpuLimitExceeded: [STANDARD_VCPUS, "end instances"],
  VolumeLimitExceeded: [STORAGE.gp3, "delete volumes"],
  SnapshotLimitExceeded: [SNAPSHOTS, "delete snapshots"],
  PendingSnapshotLimitExceeded: [PENDING_SNAPSHOTS, "wait until others are completed"],
  SecurityGroupLimitExceeded: [SECURITY_GROUPS, "delete security groups"],
};

/** @param code - Of an error of kind `quota`. */
export function quotaAdvice(code: string): string {
  const [quota, otherwise] = QUOTAS[code] ?? [undefined, "free some of it"];
  const name = quota === undefined ? "that quota" : formatQuota(quota);
  return `Raise for this account and region: ${name}; or ${otherwise}; then run \`pulumi up\` again.`;
}
