/**
 * What a change of a request does to a finished copy. Offline, and tolerant of what a preview does
 * not know: an unknown value counts as changed.
 */

import { isDeepStrictEqual } from "node:util";
import type { SideReference } from "./ec2/side-reference.ts";
import { isUnknown } from "./unknown-value.ts";
import type { CopyRequest, RunIdentity, SideIdentity } from "./workflow/copy-request.ts";

/** Arguments that say what the image is registered as. */
const REPLACING = [
  "sourceAmiId",
  "name",
  "encrypted",
  "kmsKeyId",
  "blockDevices",
  "kernelId",
  "ramdiskId",
] as const;

/** Paths of the arguments whose change needs a new copy; empty: the old one can stay. */
export function replacingChanges(
  run: RunIdentity | undefined,
  before: CopyRequest,
  after: CopyRequest,
): string[] {
  const changes: string[] = [];
  for (const key of REPLACING) {
    if (!isDeepStrictEqual(before[key], after[key])) changes.push(key);
  }
  for (const side of ["source", "destination"] as const) {
    if (before[side].region !== after[side].region) changes.push(`${side}.region`);
    else if (leadsElsewhere(run?.[side], after[side])) changes.push(side);
  }
  return changes;
}

/** Whether a reference names another account than the one that was entered. */
function leadsElsewhere(entered: SideIdentity | undefined, reference: SideReference): boolean {
  if (entered === undefined || isUnknown(reference)) return false;
  const { expectedAccountId, assumeRole } = reference;
  const account = expectedAccountId ?? assumeRole?.roleArn.split(":")[4];
  return account !== undefined && account !== entered.accountId;
}

/** Whether a side is reached in another way now. The state must then learn the new one. */
export function referencesChanged(
  before: CopyRequest,
  after: CopyRequest,
  sides: readonly ("source" | "destination")[],
): boolean {
  return sides.some((side) => !isDeepStrictEqual(before[side], after[side]));
}
