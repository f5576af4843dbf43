/** Makes a copy as it is wanted, in place. */

import { isDeepStrictEqual } from "node:util";
import type { Change, Ec2 } from "../ec2/ec2.ts";
import type { Image } from "../ec2/image.ts";
import type { Tags } from "../ec2/tags.ts";
import { checkAccount } from "./check-account.ts";
import { CopyError } from "./copy-error.ts";
import type { CopiedImageFacts, ImageWishes } from "./copy-request.ts";
import { accountOf } from "./observe-image.ts";
import { inStep } from "./run.ts";

const STEP = "update-image";

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
    if (!wishes.disabled) await changeLaunchPermissions(cloud, imageId, wishes);
    await changeSnapshotPermissions(cloud, wishes);
    if (!isDeepStrictEqual(image.instanceTypes, wishes.instanceTypes)) {
      await cloud.setInstanceTypes(imageId, wishes.instanceTypes);
    }
    if (image.deregistrationProtection !== wishes.deregistrationProtection) {
      await cloud.setDeregistrationProtection(imageId, wishes.deregistrationProtection);
    }
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

async function changeLaunchPermissions(
  cloud: Ec2,
  imageId: string,
  { launchPermissions }: ImageWishes,
): Promise<void> {
  const change = changeTo(launchPermissions, await cloud.launchPermissions(imageId));
  if (change !== undefined) await cloud.changeLaunchPermissions(imageId, change);
}

async function changeSnapshotPermissions(
  cloud: Ec2,
  { snapshotPermissions }: ImageWishes,
): Promise<void> {
  for (const [snapshotId, wanted] of Object.entries(snapshotPermissions ?? {})) {
    const change = changeTo(wanted, await cloud.snapshotPermissions(snapshotId));
    if (change !== undefined) await cloud.changeSnapshotPermissions(snapshotId, change);
  }
}

/** @returns `undefined`: nothing to do. */
function changeTo<Item>(wanted: readonly Item[], there: readonly Item[]): Change<Item> | undefined {
  const without = (some: readonly Item[], others: readonly Item[]) =>
    some.filter((one) => !others.some((other) => isDeepStrictEqual(one, other)));
  const change = { add: without(wanted, there), remove: without(there, wanted) };
  return change.add.length + change.remove.length > 0 ? change : undefined;
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
