/**
 * Needs: a stopped licence donor that holds the volumes of the copy.  Makes: an image of it, with
 * its licence and the snapshots of these volumes.  Undoes: the image and its snapshots, when the run
 * fails later.
 */

import { Role, Tag } from "../../agent/contract.ts";
import { isCloudError } from "../ec2/cloud-error.ts";
import type { Ec2 } from "../ec2/ec2.ts";
import type { Image } from "../ec2/image.ts";
import type { Tags } from "../ec2/tags.ts";
import { CopyError } from "./copy-error.ts";
import type { Registration } from "./copy-request.ts";
import { createOnce } from "./create-once.ts";
import { type LicenseWish, licenseName } from "./license-donor.ts";
import { differences, underFreeName, waitForImage } from "./register-image.ts";
import { type Run, runTags } from "./run.ts";
import type { Undo } from "./undo-stack.ts";
import { waitUntil } from "./wait-until.ts";

const STEP = "create-licensed-image";

export interface LicensedImagePlan {
  /** The stopped instance. */
  readonly instanceId: string;
  readonly license: LicenseWish;
  /** As what the image is wanted; the snapshots are those of the volumes. */
  readonly registration: Registration;
  readonly tags: Tags;
  /** Used when the first name is taken; absent: the name was asked for as it is. */
  readonly otherName: string | undefined;
}

export interface LicensedImage {
  readonly image: Image;
  /** With the image's own snapshots. */
  readonly registration: Registration;
  readonly undo: Undo;
}

/** @throws CopyError `product-failed` when AWS makes it other than asked, above all its licence. */
export async function createLicensedImage(
  run: Run,
  plan: LicensedImagePlan,
): Promise<LicensedImage> {
  const cloud = run.clouds.destination;
  const { instanceId, license, otherName } = plan;
  await run.checkFence();
  run.report("image", `creating ${plan.registration.name} of ${instanceId}`);
  const { imageId, name } = await underFreeName(
    run,
    { step: STEP, name: plan.registration.name, otherName },
    (name) => createNamed(run, plan, name),
  );
  const undo = run.undo.onFailure(`image ${imageId} in ${cloud.region}`, () =>
    removeWhole(cloud, imageId),
  );
  // Unlike a registered one it waits for its snapshots.
  const made = await waitForImage(run, imageId, run.limits.snapshotMs);
  const image = await withTokens(run, made, plan.registration);
  const registration = withSnapshotsOf({ ...plan.registration, name }, image);
  const wrong = differences(image, registration);
  if (licenseName(image) !== licenseName(license)) {
    wrong.unshift(`its licence is ${licenseName(image)} and not ${licenseName(license)}`);
  }
  if (wrong.length === 0) return { image, registration, undo };
  throw new CopyError(
    `image ${imageId}, made of licence donor ${instanceId}, came out other than asked: ${wrong.join("; ")}`,
    {
      code: "product-failed",
      step: STEP,
      ids: [imageId, instanceId],
      hint: "Give licenseDonorAmiId with another image, then run `pulumi up` again.",
    },
  );
}

/** For a while after an instance has stopped CreateImage may not have heard of it. */
function createNamed(run: Run, plan: LicensedImagePlan, name: string): Promise<string> {
  const { instanceId } = plan;
  return waitUntil(
    run,
    {
      step: STEP,
      what: `an image of ${instanceId} to be possible`,
      limitMs: run.limits.releaseMs,
      ids: [instanceId],
    },
    async () => {
      try {
        return await createNow(run, plan, name);
      } catch (error) {
        if (isCloudError(error, "in-use")) return undefined;
        throw error;
      }
    },
  );
}

/** The snapshots get no digest yet: without one nobody takes them for finished. */
function createNow(run: Run, plan: LicensedImagePlan, name: string): Promise<string> {
  const { instanceId, registration, tags } = plan;
  const cloud = run.clouds.destination;
  const marks = runTags(run, Role.image);
  return createOnce(run, {
    create: () =>
      cloud.createImage({
        instanceId,
        name,
        description: registration.description,
        blockDevices: registration.blockDevices,
        tags: { ...tags, ...marks },
        snapshotTags: runTags(run, Role.snapshot),
      }),
    find: async () => {
      const { [Tag.run]: runId, [Tag.attempt]: attempt } = marks;
      const [found] = await cloud.describeImages({
        owner: "self",
        name,
        tags: { [Tag.run]: runId, [Tag.attempt]: attempt },
      });
      return found?.imageId;
    },
  });
}

/** The one attribute that is neither the donor's for good nor told in the call. */
async function withTokens(run: Run, image: Image, { imdsSupport }: Registration): Promise<Image> {
  if (imdsSupport === undefined || image.imdsSupport === imdsSupport) return image;
  const cloud = run.clouds.destination;
  await cloud.requireMetadataTokens(image.imageId);
  return { ...image, imdsSupport };
}

/** What the image is registered as, with its own snapshots in the place of those it was made of. */
export function withSnapshotsOf(registration: Registration, image: Image): Registration {
  const own = new Map(
    image.blockDevices.flatMap((device) =>
      device.kind === "snapshot" ? [[device.deviceName, device.snapshotId] as const] : [],
    ),
  );
  const blockDevices = registration.blockDevices.map((device) => {
    const snapshotId = own.get(device.deviceName);
    return device.kind === "snapshot" && snapshotId !== undefined
      ? { ...device, snapshotId }
      : device;
  });
  return { ...registration, blockDevices };
}

/** With its snapshots, which are of no image any more then. */
async function removeWhole(cloud: Ec2, imageId: string): Promise<void> {
  const [image] = await cloud.describeImages({ imageIds: [imageId] });
  await cloud.deregisterImage(imageId);
  for (const device of image?.blockDevices ?? []) {
    if (device.kind === "snapshot") await cloud.deleteSnapshot(device.snapshotId);
  }
}
