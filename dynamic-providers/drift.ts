/**
 * Drift: in what a copy, as it was seen, is not as it is wanted. Tags that others put on it are none.
 * Pulumi shows only that a row has changed, so it is told in words.
 */

import { isDeepStrictEqual } from "node:util";
import { printableLine } from "./printable.ts";
import { sameItems, timeOf } from "./workflow/compare-wishes.ts";
import type { ImageWishes } from "./workflow/copy-request.ts";
import type { ObservedImage } from "./workflow/observe-image.ts";

/** @returns One phrase each; empty also when nobody has looked yet. */
export function driftOf(wanted: ImageWishes, observed: ObservedImage | undefined): string[] {
  if (observed === undefined) return [];
  if (!observed.registered) return ["it is not registered any more; its snapshots are there"];
  const { description, disabled, deprecationTime, deregistrationProtection } = observed;
  const found: string[] = [];
  if (disabled !== wanted.disabled) found.push(disabled ? "it is disabled" : "it is enabled");
  if (description !== wanted.description) {
    found.push(
      description === "" ? "it has no description" : `its description is ${quote(description)}`,
    );
  }
  if (timeOf(observed) !== timeOf(wanted)) {
    found.push(
      deprecationTime === undefined
        ? "it has no deprecation date"
        : `it is deprecated from ${deprecationTime} on`,
    );
  }
  if (deregistrationProtection !== wanted.deregistrationProtection) {
    found.push(`its deregistration protection is ${deregistrationProtection ?? "off"}`);
  }
  if (!isDeepStrictEqual(observed.instanceTypes, wanted.instanceTypes)) {
    found.push("other instance types may launch it than should");
  }
  return [...found, ...tagDrift(wanted, observed), ...permissionDrift(wanted, observed)];
}

function tagDrift(wanted: ImageWishes, observed: ObservedImage): string[] {
  return Object.entries(wanted.tags).flatMap(([key, value]) => {
    const seen = observed.tags[key];
    if (seen === value) return [];
    const tag = printableLine(key);
    return seen === undefined ? `it has no tag ${tag}` : `its tag ${tag} is ${quote(seen)}`;
  });
}

function permissionDrift(wanted: ImageWishes, observed: ObservedImage): string[] {
  const found: string[] = [];
  // A disabled image has no permissions, whatever it had before.
  if (!wanted.disabled && !sameItems(wanted.launchPermissions, observed.launchPermissions)) {
    found.push("others may launch it than should");
  }
  for (const [snapshotId, permissions] of Object.entries(wanted.snapshotPermissions ?? {})) {
    const seen = observed.snapshotPermissions?.[snapshotId];
    if (seen !== undefined && !sameItems(permissions, seen)) {
      found.push(`others may read its ${snapshotId} than should`);
    }
  }
  return found;
}

function quote(text: string): string {
  return `"${printableLine(text)}"`;
}
