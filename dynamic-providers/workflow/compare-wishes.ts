/**
 * A copy as it was seen against the copy that was wanted, attribute by attribute, of all that is set
 * after its registration. Pure. Tags that others put on the image are no difference.
 */

import { isDeepStrictEqual } from "node:util";
import type { ImageWishes } from "./copy-request.ts";
import type { ObservedImage } from "./observe-image.ts";

/** @returns Names of what is not as it is wanted; empty: all is. */
export function unlike(wanted: ImageWishes, observed: ObservedImage): string[] {
  if (!observed.registered) return ["registration"];
  const isSame: Readonly<Record<string, boolean>> = {
    description: observed.description === wanted.description,
    tags: Object.entries(wanted.tags).every(([key, value]) => observed.tags[key] === value),
    deprecation: timeOf(observed) === timeOf(wanted),
    "deregistration protection":
      observed.deregistrationProtection === wanted.deregistrationProtection,
    "instance types": isDeepStrictEqual(observed.instanceTypes, wanted.instanceTypes),
    state: observed.disabled === wanted.disabled,
    // A disabled image has no permissions, whatever it had before.
    "launch permissions":
      wanted.disabled || sameItems(wanted.launchPermissions, observed.launchPermissions),
    "snapshot permissions": sameSnapshotPermissions(wanted, observed),
  };
  return Object.keys(isSame).filter((attribute) => !isSame[attribute]);
}

/** @returns Milliseconds since 1970; `undefined`: never. */
export function timeOf({
  deprecationTime,
}: {
  readonly deprecationTime?: string;
}): number | undefined {
  return deprecationTime === undefined ? undefined : Date.parse(deprecationTime);
}

function sameSnapshotPermissions(wanted: ImageWishes, observed: ObservedImage): boolean {
  return Object.entries(wanted.snapshotPermissions ?? {}).every(([snapshotId, permissions]) => {
    const seen = observed.snapshotPermissions?.[snapshotId];
    return seen === undefined || sameItems(permissions, seen);
  });
}

/** In whatever order. */
export function sameItems(some: readonly unknown[], others: readonly unknown[]): boolean {
  return isDeepStrictEqual(sorted(some), sorted(others));
}

function sorted(values: readonly unknown[]): string[] {
  return values.map((value) => JSON.stringify(value)).sort();
}
