/** The facts of a finished copy, as Pulumi keeps them. Pure. */

import type { Image } from "../ec2/image.ts";
import type { Tags } from "../ec2/tags.ts";
import type { CopiedImageFacts, CopiedSnapshot } from "./copy-request.ts";
import type { CopiedVolumes } from "./copy-volumes.ts";
import type { SourceImage } from "./describe-source.ts";
import { judgeFidelity } from "./fidelity.ts";
import type { RegisteredCopy } from "./register-copy.ts";
import type { Run } from "./run.ts";
import { copyFor } from "./snapshot-volumes.ts";

export interface FinishedCopy {
  readonly source: SourceImage;
  /** The image that has lent its licence; `undefined`: none was needed. */
  readonly donor: Image | undefined;
  readonly registered: RegisteredCopy;
  /** Without ours. */
  readonly tags: Tags;
  readonly copied: CopiedVolumes;
}

/** The duration is the caller's to fill in. */
export function toFacts(run: Run, finished: FinishedCopy): CopiedImageFacts {
  const { source, donor, registered, tags, copied } = finished;
  const { image, registration } = registered;
  const { accountId, partition, region } = run.identity.destination;
  const snapshots = snapshotsOf(source, registered);
  const root = snapshots.find(({ deviceName }) => deviceName === registration.rootDeviceName);
  return {
    imageId: image.imageId,
    imageArn: imageArn(partition, region, image.imageId),
    name: registration.name,
    description: registration.description,
    architecture: registration.architecture,
    rootDeviceName: registration.rootDeviceName,
    rootSnapshotId: root?.snapshotId ?? "",
    ownerId: accountId,
    region,
    partition,
    sourceImageId: source.image.imageId,
    imageTags: tags,
    snapshots,
    registration,
    ...(donor !== undefined && { license: licenseOf(image, donor) }),
    fidelity: judgeFidelity({
      request: run.request,
      source,
      ...(donor !== undefined && { donor }),
      route: run.identity,
      name: registration.name,
      nowMs: run.clock.now(),
    }),
    bytesRead: copied.transferred.bytesRead,
    bytesSent: copied.transferred.bytesSent,
    bytesResent: copied.transferred.bytesResent,
    durationSeconds: 0,
  };
}

/** An image's ARN has no account. */
export function imageArn(partition: string, region: string, imageId: string): string {
  return `arn:${partition}:ec2:${region}::image/${imageId}`;
}

/** What an image is billed as, and thanks to which. */
export function licenseOf(
  image: Image,
  donor: Pick<Image, "imageId">,
): NonNullable<CopiedImageFacts["license"]> {
  const { platformDetails = "", usageOperation = "", sourceImageId } = image;
  return { platformDetails, usageOperation, donorImageId: sourceImageId ?? donor.imageId };
}

/** One entry a device, so that a snapshot which is mapped twice is there twice. */
function snapshotsOf(
  { image }: SourceImage,
  { registration, copies }: RegisteredCopy,
): CopiedSnapshot[] {
  const own = new Map(registration.blockDevices.map((device) => [device.deviceName, device]));
  return image.blockDevices.flatMap((device) => {
    if (device.kind !== "snapshot") return [];
    const copy = copyFor(copies, device);
    const there = own.get(device.deviceName);
    if (copy === undefined || there?.kind !== "snapshot") return [];
    const { deviceName } = device;
    const { snapshotId } = there;
    const { sourceSnapshotId, sizeGib, digest } = copy;
    return [{ deviceName, sourceSnapshotId, snapshotId, volumeSizeGib: sizeGib, digest }];
  });
}
