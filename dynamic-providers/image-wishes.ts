/** What of a finished copy can be changed in place, as it is wanted. */

import { isDeepStrictEqual } from "node:util";
import type { CopyRequest, ImageWishes } from "./workflow/copy-request.ts";

/** Whether the new wishes depend on the source image, because something given was taken back. */
export function needsSource(before: CopyRequest, after: CopyRequest): boolean {
  if (before.description !== undefined && after.description === undefined) return true;
  if (!isDeepStrictEqual(before.copyLaunchPermissions, after.copyLaunchPermissions)) return true;
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
  return {
    ...wanted,
    description: after.description ?? inherited ?? wanted.description,
    tags: source?.tags ?? { ...copied, ...after.tags },
    ...changedPermissions(before, after, source),
  };
}

/** Permissions that are no longer asked for are taken away also when the source is gone. */
function changedPermissions(
  { copyLaunchPermissions: before }: CopyRequest,
  { copyLaunchPermissions: after }: CopyRequest,
  source: ImageWishes | undefined,
): Partial<ImageWishes> {
  if (isDeepStrictEqual(before, after)) return {};
  if (source === undefined && after !== undefined) return {};
  const { launchPermissions = [], snapshotPermissions } = source ?? {};
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
