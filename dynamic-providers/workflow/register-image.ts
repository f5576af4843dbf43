/**
 * Needs: a finished copy of every snapshot.  Makes: the image, with all its tags in the same call.
 * Undoes: the registration, when the run fails later.
 */

import { Role, Tag } from "../../agent/contract.ts";
import type { BlockDevice } from "../ec2/block-device.ts";
import { isCloudError } from "../ec2/cloud-error.ts";
import type { Image } from "../ec2/image.ts";
import type { Tags } from "../ec2/tags.ts";
import { wantedDevices } from "./carry-over.ts";
import { CopyError } from "./copy-error.ts";
import type { CopyRequest, Registration } from "./copy-request.ts";
import { createOnce } from "./create-once.ts";
import { keyTrouble } from "./key-trouble.ts";
import { type Run, runTags } from "./run.ts";
import { copyFor, type SnapshotCopy } from "./snapshot-volumes.ts";
import type { Undo } from "./undo-stack.ts";
import { explainType } from "./unoffered-type.ts";
import { waitUntil } from "./wait-until.ts";

const STEP = "register-image";

/** A registered and available image. */
export interface RegisteredImage {
  readonly image: Image;
  readonly registration: Registration;
  /** Absent: an older attempt has registered and claimed it. */
  readonly undo?: Undo;
}

/** What of a registration is not the image's own. */
export interface RegistrationWishes {
  readonly name: string;
  readonly description: string;
  /** Base64 of the UEFI variable store. */
  readonly uefiData?: string;
}

/** As what the copy of an image has to be registered. Pure. */
export function registrationFor(
  request: Pick<CopyRequest, "blockDevices" | "kernelId" | "ramdiskId">,
  image: Image,
  copies: readonly SnapshotCopy[],
  wishes: RegistrationWishes,
): Registration {
  const blockDevices = wantedDevices(request, image).map((device): BlockDevice => {
    if (device.kind !== "snapshot") return device;
    const snapshotId = copyFor(copies, device)?.snapshotId;
    if (snapshotId !== undefined) return { ...device, snapshotId };
    const message = `${device.deviceName}: snapshot ${device.snapshotId} was not copied`;
    throw new CopyError(message, { code: "product-failed", step: STEP, ids: [device.snapshotId] });
  });
  const { bootMode, tpmSupport, imdsSupport, sriovNetSupport } = image;
  const { kernelId, ramdiskId } = request;
  return {
    ...wishes,
    architecture: image.architecture,
    virtualizationType: image.virtualizationType,
    rootDeviceName: image.rootDeviceName ?? "",
    enaSupport: image.enaSupport,
    blockDevices,
    ...(bootMode !== undefined && { bootMode }),
    ...(tpmSupport !== undefined && { tpmSupport }),
    ...(imdsSupport !== undefined && { imdsSupport }),
    ...(sriovNetSupport !== undefined && { sriovNetSupport }),
    ...(kernelId !== undefined && { kernelId }),
    ...(ramdiskId !== undefined && { ramdiskId }),
  };
}

/** The name for when the source's is taken: `name-1a2b3c4`, within EC2's 128 characters. */
export function nameWithRun(name: string, runId: string): string {
  return `${name.slice(0, 120)}-${runId.slice(0, 7)}`;
}

/**
 * @param otherName - Used when the first name is taken; absent: the name was asked for as it is.
 * @throws CopyError `product-failed` when AWS makes it other than asked.
 */
export async function registerImage(
  run: Run,
  registration: Registration,
  tags: Tags,
  otherName?: string,
): Promise<RegisteredImage> {
  const cloud = run.clouds.destination;
  await run.checkFence();
  run.report("image", `registering ${registration.name}`);
  const { imageId, name } = await underFreeName(
    run,
    { step: STEP, name: registration.name, otherName },
    (name) => registerOnce(run, { ...registration, name }, tags),
  ).catch((error) => {
    throw explainType(error, registration.blockDevices, STEP);
  });
  const named = { ...registration, name };
  const undo = run.undo.onFailure(`image ${imageId} in ${cloud.region}`, () =>
    cloud.deregisterImage(imageId),
  );
  const image = await waitForImage(run, imageId);
  checkRegistration(image, named);
  await checkUefiData(run, imageId, registration.uefiData);
  return { image, registration: named, undo };
}

export interface NameChoice {
  /** File name of the step that makes the image. */
  readonly step: string;
  readonly name: string;
  /** Used when the first name is taken; absent: the name was asked for as it is. */
  readonly otherName: string | undefined;
}

/** Makes an image under a name that is free. @param make - Answers the image's id. */
export async function underFreeName(
  run: Run,
  { step, name, otherName }: NameChoice,
  make: (name: string) => Promise<string>,
): Promise<{ imageId: string; name: string }> {
  try {
    return { imageId: await make(name), name };
  } catch (error) {
    if (!isCloudError(error, "duplicate")) throw error;
    if (otherName !== undefined) {
      return underFreeName(run, { step, name: otherName, otherName: undefined }, make);
    }
    const { region } = run.clouds.destination;
    throw new CopyError(`another image of this account in ${region} has the name ${name}`, {
      code: "cloud",
      step,
      cause: error,
      hint: "Give another name, or deregister that image.",
    });
  }
}

function registerOnce(run: Run, registration: Registration, tags: Tags): Promise<string> {
  const cloud = run.clouds.destination;
  const marks = runTags(run, Role.image);
  return createOnce(run, {
    create: () => cloud.registerImage({ ...registration, tags: { ...tags, ...marks } }),
    find: async () => {
      const { [Tag.run]: runId, [Tag.attempt]: attempt } = marks;
      const [found] = await cloud.describeImages({
        owner: "self",
        name: registration.name,
        tags: { [Tag.run]: runId, [Tag.attempt]: attempt },
      });
      return found?.imageId;
    },
  });
}

/** @throws CopyError `product-failed` when it ends in another state than `available`. */
export async function waitForImage(
  run: Run,
  imageId: string,
  limitMs = run.limits.imageMs,
): Promise<Image> {
  const { region } = run.clouds.destination;
  return waitUntil(
    run,
    {
      step: STEP,
      what: `image ${imageId} in ${region} to be available`,
      limitMs,
      ids: [imageId],
    },
    async () => {
      const [image] = await run.clouds.destination.describeImages({ imageIds: [imageId] });
      if (image === undefined || image.state === "pending") return undefined;
      if (image.state === "available") return image;
      const { kmsKeyId } = run.request;
      const keys = kmsKeyId === undefined ? [] : [kmsKeyId];
      const trouble = keyTrouble(image.stateReason, { keys, for: "write" });
      const said = image.stateReason === undefined ? "" : `: ${image.stateReason}`;
      const why = trouble?.because ?? said;
      throw new CopyError(`image ${imageId} in ${region} is ${image.state}${why}`, {
        code: "product-failed",
        step: STEP,
        ids: [imageId],
        ...(trouble !== undefined && { hint: trouble.hint }),
      });
    },
  );
}

/** What AWS says of the image, against what was asked. */
function checkRegistration(image: Image, asked: Registration): void {
  const wrong = differences(image, asked);
  if (wrong.length === 0) return;
  throw new CopyError(`image ${image.imageId} came out other than asked: ${wrong.join("; ")}`, {
    code: "product-failed",
    step: STEP,
    ids: [image.imageId],
  });
}

/** The variable store is not among what DescribeImages tells. */
async function checkUefiData(run: Run, imageId: string, asked: string | undefined): Promise<void> {
  if (asked === undefined) return;
  if ((await run.clouds.destination.uefiData(imageId)) === asked) return;
  throw new CopyError(`image ${imageId} came out with other UEFI variables than asked`, {
    code: "product-failed",
    step: STEP,
    ids: [imageId],
  });
}

/** In words, an attribute each. Pure. */
export function differences(image: Image, asked: Registration): string[] {
  const wrong: string[] = [];
  const fields = [
    ...["name", "description", "architecture", "virtualizationType", "rootDeviceName"],
    ...["bootMode", "tpmSupport", "imdsSupport", "enaSupport", "sriovNetSupport"],
    ...["kernelId", "ramdiskId"],
  ] as (keyof Registration & keyof Image)[];
  for (const field of fields) {
    if (asked[field] === undefined || image[field] === asked[field]) continue;
    wrong.push(`${field} is ${String(image[field])} and not ${String(asked[field])}`);
  }
  return [...wrong, ...deviceDifferences(image.blockDevices, asked.blockDevices)];
}

function deviceDifferences(there: readonly BlockDevice[], asked: readonly BlockDevice[]): string[] {
  const wrong: string[] = [];
  for (const device of asked) {
    const made = there.find(({ deviceName }) => deviceName === device.deviceName);
    if (made === undefined) {
      // EC2 keeps no ephemeral device for types that have none.
      if (device.kind !== "ephemeral") wrong.push(`no ${device.deviceName}`);
      continue;
    }
    for (const [key, value] of Object.entries(device)) {
      const seen = (made as unknown as Record<string, unknown>)[key];
      // An account that encrypts by default makes more of it than was asked.
      if (seen === value || (key === "encrypted" && seen === true)) continue;
      wrong.push(`${key} of ${device.deviceName} is ${String(seen)} and not ${String(value)}`);
    }
  }
  const names = new Set(asked.map(({ deviceName }) => deviceName));
  const surplus = there.filter(({ deviceName }) => !names.has(deviceName));
  return [...wrong, ...surplus.map(({ deviceName }) => `${deviceName} was not asked for`)];
}

/**
 * The last act of a run: from here on the image is finished, a later attempt adopts it, and a sweep
 * by hand leaves it alone. One call, so that nobody can be killed in the middle of it. Whose image it
 * is says `own-image.ts`.
 *
 * @param tags - Of the row that it is for, see `yield-to-newer.ts`.
 */
export async function claimImage(run: Run, imageId: string, tags: Tags = {}): Promise<void> {
  await run.checkFence();
  const cloud = run.clouds.destination;
  const claimed = new Date(run.clock.now() + cloud.clockBehindMs()).toISOString();
  await cloud.setTags([imageId], { ...tags, [Tag.claimed]: claimed });
}
