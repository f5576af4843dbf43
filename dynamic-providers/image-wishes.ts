/** What of a finished copy can be changed in place, as it is wanted. */

import { isDeepStrictEqual } from "node:util";
import { canBeDeprecatedAt } from "./workflow/carry-over.ts";
import { unlike } from "./workflow/compare-wishes.ts";
import type { CopyRequest, ImageWishes } from "./workflow/copy-request.ts";
import type { ObservedImage } from "./workflow/observe-image.ts";

/** Whether the new wishes depend on the source image, because something given was taken back. */
export function needsSource(before: CopyRequest, after: CopyRequest): boolean {
  if (before.description !== undefined && after.description === undefined) return true;
  return permissionsChanged(before, after) || needsSourceTags(before, after);
}

/** Whether permissions are to be mapped in another way than before, for which the source must be asked. */
export function mapsOtherwise(before: CopyRequest, after: CopyRequest): boolean {
  return after.copyLaunchPermissions !== undefined && permissionsChanged(before, after);
}

function permissionsChanged(before: CopyRequest, after: CopyRequest): boolean {
  return !isDeepStrictEqual(before.copyLaunchPermissions, after.copyLaunchPermissions);
}

function needsSourceTags(before: CopyRequest, after: CopyRequest): boolean {
  if (!after.copyTags) return false;
  return !before.copyTags || Object.keys(before.tags).some((key) => !(key in after.tags));
}

/**
 * @param source - Needed where {@link needsSource}; absent when the source image is gone: then what
 *   was copied from it stays as it is.
 */
export function changedWishes(
  wanted: ImageWishes,
  before: CopyRequest,
  after: CopyRequest,
  source: ImageWishes | undefined,
): ImageWishes {
  const kept = Object.entries(wanted.tags).filter(([key]) => !(key in before.tags));
  const copied = after.copyTags ? Object.fromEntries(kept) : {};
  const isTakenBack = before.description !== undefined && after.description === undefined;
  const inherited = isTakenBack ? source?.description : undefined;
  // Only what the change is about: else the source's own later changes would come along.
  const sourceTags = needsSourceTags(before, after) ? source?.tags : undefined;
  return {
    ...wanted,
    description: after.description ?? inherited ?? wanted.description,
    tags: sourceTags ?? { ...copied, ...after.tags },
    ...changedPermissions(wanted, { before, after }, source),
  };
}

/** Permissions that are no longer asked for are taken away also when the source is gone. */
function changedPermissions(
  wanted: ImageWishes,
  { before, after }: { readonly before: CopyRequest; readonly after: CopyRequest },
  source: ImageWishes | undefined,
): Partial<ImageWishes> {
  if (!permissionsChanged(before, after)) return {};
  if (after.copyLaunchPermissions === undefined) {
    const ids = Object.keys(wanted.snapshotPermissions ?? {});
    const none = Object.fromEntries(ids.map((id) => [id, []]));
    return { launchPermissions: [], ...(ids.length > 0 && { snapshotPermissions: none }) };
  }
  if (source === undefined) return {};
  const { launchPermissions, snapshotPermissions } = source;
  return {
    launchPermissions,
    ...(snapshotPermissions !== undefined && { snapshotPermissions }),
  };
}

/** In-place changes of a request that concern the image itself. */
export function wishesChanged(before: CopyRequest, after: CopyRequest): boolean {
  return (["description", "tags", "copyTags", "copyLaunchPermissions"] as const).some(
    (key) => !isDeepStrictEqual(before[key], after[key]),
  );
}

/**
 * EC2 takes no deprecation date in the past. One that has meanwhile come and is on the image no more
 * (registered anew, or changed by others) can only be let go.
 */
export function attainable(
  wanted: ImageWishes,
  observed: ObservedImage | undefined,
  nowMs: number,
): ImageWishes {
  const { deprecationTime, ...others } = wanted;
  if (deprecationTime === undefined || observed === undefined) return wanted;
  if (canBeDeprecatedAt(deprecationTime, nowMs)) return wanted;
  const isThere = observed.registered && !unlike(wanted, observed).includes("deprecation");
  return isThere ? wanted : others;
}
