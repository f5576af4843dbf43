/**
 * What of a finished copy can be changed in place, as it is wanted and as it was seen. Drift is the
 * difference of the two; tags that others put on the image are none.
 */

import { isDeepStrictEqual } from "node:util";
import type { Tags } from "./ec2/ec2.ts";
import type { CopiedImageFacts, CopyRequest } from "./workflow/copy-request.ts";
import type { ObservedImage } from "./workflow/observe-image.ts";
import type { ImageWishes } from "./workflow/update-image.ts";

/** What the source image has that a copy takes over where the request says nothing else. */
export interface SourceDefaults {
  readonly description: string;
  readonly tags: Tags;
}

/** The wishes that a fresh copy already fulfils. */
export function freshWishes(image: CopiedImageFacts): ImageWishes {
  return {
    description: image.description,
    tags: image.imageTags,
    launchPermissions: [],
    disabled: false,
  };
}

/** Whether the new wishes depend on the source image, because something given was taken back. */
export function needsSource(before: CopyRequest, after: CopyRequest): boolean {
  if (before.description !== undefined && after.description === undefined) return true;
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
  source: SourceDefaults | undefined,
): ImageWishes {
  const kept = Object.entries(wanted.tags).filter(([key]) => !(key in before.tags));
  const copied = after.copyTags ? (source?.tags ?? Object.fromEntries(kept)) : {};
  const isTakenBack = before.description !== undefined && after.description === undefined;
  const inherited = isTakenBack ? source?.description : undefined;
  return {
    ...wanted,
    description: after.description ?? inherited ?? wanted.description,
    tags: { ...copied, ...after.tags },
  };
}

/** In-place changes of a request that concern the image itself. */
export function wishesChanged(before: CopyRequest, after: CopyRequest): boolean {
  return (["description", "tags", "copyTags"] as const).some(
    (key) => !isDeepStrictEqual(before[key], after[key]),
  );
}

/** Whether an image is not as it is wanted. */
export function hasDrifted(wanted: ImageWishes, observed: ObservedImage | undefined): boolean {
  if (observed === undefined) return false;
  if (!observed.registered || observed.disabled !== wanted.disabled) return true;
  if (observed.description !== wanted.description) return true;
  if ((observed.deprecationTime ?? "") !== (wanted.deprecationTime ?? "")) return true;
  if (Object.entries(wanted.tags).some(([key, value]) => observed.tags[key] !== value)) return true;
  return !isDeepStrictEqual(sorted(wanted.launchPermissions), sorted(observed.launchPermissions));
}

function sorted(values: readonly unknown[]): string[] {
  return values.map((value) => JSON.stringify(value)).sort();
}
