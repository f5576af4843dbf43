/** The facts of a finished copy, as Pulumi keeps them. Pure. */

import type { Tags } from "../ec2/ec2.ts";
import type { CopiedImageFacts, CopiedSnapshot } from "./copy-request.ts";
import type { CopiedVolumes } from "./copy-volumes.ts";
import type { SourceImage } from "./describe-source.ts";
import { judgeFidelity } from "./fidelity.ts";
import type { RegisteredImage } from "./register-image.ts";
import type { Run } from "./run.ts";
import type { SnapshotCopy } from "./snapshot-volumes.ts";

export interface FinishedCopy {
  readonly source: SourceImage;
  readonly registered: RegisteredImage;
  readonly copies: readonly SnapshotCopy[];
  /** Without ours. */
  readonly tags: Tags;
  readonly copied: CopiedVolumes;
}

/** The duration is the caller's to fill in. */
export function toFacts(run: Run, finished: FinishedCopy): CopiedImageFacts {
  const { source, registered, copies, tags, copied } = finished;
  const { image, registration } = registered;
  const { accountId, partition, region } = run.identity.destination;
  const snapshots = snapshotsOf(source, copies);
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
    fidelity: judgeFidelity({
      request: run.request,
      source,
      route: run.identity,
      name: registration.name,
      nowMs: run.clock.now(),
    }),
    bytesRead: copied.transferred.bytesRead,
    bytesSent: copied.transferred.bytesSent,
    durationSeconds: 0,
  };
}

/** An image's ARN has no account. */
export function imageArn(partition: string, region: string, imageId: string): string {
  return `arn:${partition}:ec2:${region}::image/${imageId}`;
}

/** One entry a device, so that a snapshot which is mapped twice is there twice. */
function snapshotsOf({ image }: SourceImage, copies: readonly SnapshotCopy[]): CopiedSnapshot[] {
  return image.blockDevices.flatMap((device) => {
    if (device.kind !== "snapshot") return [];
    const copy = copies.find(({ sourceSnapshotId }) => sourceSnapshotId === device.snapshotId);
    if (copy === undefined) return [];
    const { deviceName } = device;
    const { sourceSnapshotId, snapshotId, sizeGib, digest } = copy;
    return [{ deviceName, sourceSnapshotId, snapshotId, volumeSizeGib: sizeGib, digest }];
  });
}
