/** Where both helpers could run: asked once for all checks, and answered when the source is known. */

import { chooseHelper, type FoundHelper, type HelperChoice } from "../choose-helper.ts";
import type { CopyRequest } from "../copy-request.ts";
import type { SourceImage } from "../describe-source.ts";
import type { Clouds } from "../run-context.ts";
import { volumesToCopy } from "../volumes-to-copy.ts";

export type Helpers = Record<"source" | "destination", Promise<FoundHelper | undefined>>;

/** @param look - Absent: this side cannot be entered. */
export async function findHelper(
  side: "source" | "destination",
  request: CopyRequest,
  clouds: Clouds,
  look: Promise<SourceImage | undefined> | undefined,
): Promise<FoundHelper | undefined> {
  if (look === undefined) return undefined;
  const source = await look.catch(() => undefined);
  return chooseHelper(clouds[side], request.helper[side], volumeCount(source));
}

/** One at least: also before the source is known a helper needs a place for a volume. */
function volumeCount(source: SourceImage | undefined): number {
  if (source === undefined) return 1;
  return Math.max(1, volumesToCopy(source).length);
}

export async function reachesOf({ source, destination }: Helpers) {
  const reachOf = (found: FoundHelper | undefined) => bestOf(found)?.reach;
  return Promise.all([source, destination].map((found) => found.then(reachOf, () => undefined)));
}

export function bestOf(found: FoundHelper | undefined): HelperChoice | undefined {
  return choicesOf(found)[0];
}

export function choicesOf(found: FoundHelper | undefined): readonly HelperChoice[] {
  return found !== undefined && "choices" in found ? found.choices : [];
}
