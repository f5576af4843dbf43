/** Makes a copy as it is wanted, in place. */

import { isDeepStrictEqual } from "node:util";
import type { Ec2, Image, LaunchPermission, Tags } from "../ec2/ec2.ts";
import { checkAccount } from "./check-account.ts";
import { CopyError } from "./copy-error.ts";
import type { CopiedImageFacts } from "./copy-request.ts";
import { accountOf } from "./observe-image.ts";
import { inStep } from "./run.ts";

const STEP = "update-image";

/** What of a copy can be changed in place, as it is wanted. */
export interface ImageWishes {
  readonly description: string;
  readonly tags: Tags;
  readonly launchPermissions: readonly LaunchPermission[];
  readonly deprecationTime?: string;
  readonly disabled: boolean;
}

/**
 * Tags of others stay; those of `facts.imageTags` that are no longer wanted go.
 *
 * @returns The facts with what has changed.
 */
export async function updateImage(
  facts: CopiedImageFacts,
  wishes: ImageWishes,
  cloud: Ec2,
): Promise<CopiedImageFacts> {
  return inStep({ signal: new AbortController().signal }, STEP, async () => {
    await checkAccount(cloud, accountOf(facts));
    const { imageId } = facts;
    const [image] = await cloud.describeImages({ imageIds: [imageId] });
    if (image === undefined) throw gone(facts);
    // First of all, since a disabled image takes no other change.
    if (image.state === "disabled" && !wishes.disabled)
      await cloud.setImageDisabled(imageId, false);
    if (image.description !== wishes.description) {
      await cloud.setImageDescription(imageId, wishes.description);
    }
    await changeTags(cloud, image, facts.imageTags, wishes.tags);
    if (!sameTime(image.deprecationTime, wishes.deprecationTime)) {
      await cloud.setImageDeprecation(imageId, wishes.deprecationTime);
    }
    if (!wishes.disabled) await changePermissions(cloud, imageId, wishes.launchPermissions);
    if (image.state !== "disabled" && wishes.disabled) await cloud.setImageDisabled(imageId, true);
    const { description, tags } = wishes;
    return {
      ...facts,
      description,
      imageTags: tags,
      registration: { ...facts.registration, description },
    };
  });
}

async function changeTags(cloud: Ec2, image: Image, before: Tags, wanted: Tags): Promise<void> {
  const changed = Object.entries(wanted).filter(([key, value]) => image.tags[key] !== value);
  if (changed.length > 0) await cloud.setTags([image.imageId], Object.fromEntries(changed));
  const unwanted = Object.keys(before).filter((key) => !(key in wanted) && key in image.tags);
  if (unwanted.length > 0) await cloud.removeTags([image.imageId], unwanted);
}

async function changePermissions(
  cloud: Ec2,
  imageId: string,
  wanted: readonly LaunchPermission[],
): Promise<void> {
  const there = await cloud.launchPermissions(imageId);
  const without = (some: readonly LaunchPermission[], others: readonly LaunchPermission[]) =>
    some.filter((one) => !others.some((other) => isDeepStrictEqual(one, other)));
  const [add, remove] = [without(wanted, there), without(there, wanted)];
  if (add.length + remove.length > 0) await cloud.changeLaunchPermissions(imageId, { add, remove });
}

function sameTime(a: string | undefined, b: string | undefined): boolean {
  if (a === undefined || b === undefined) return a === b;
  return Date.parse(a) === Date.parse(b);
}

function gone({ imageId, region }: CopiedImageFacts): CopyError {
  return new CopyError(`image ${imageId} in ${region} is not registered any more`, {
    code: "cloud",
    step: STEP,
    ids: [imageId],
    hint: "Run `pulumi refresh`, then `pulumi up`: it is registered again from its snapshots.",
  });
}
