/**
 * The image of finished copies of all snapshots, by the way that its licence asks for: registered of
 * them or, when AWS bills its system, made of an instance that has the licence.
 */

import type { Image } from "../ec2/image.ts";
import type { Claim } from "./claim-attempt.ts";
import type { ImageWishes } from "./copy-request.ts";
import { withSnapshotsOf } from "./create-licensed-image.ts";
import type { SourceImage } from "./describe-source.ts";
import { endSuperseded } from "./end-superseded.ts";
import type { Finished } from "./find-finished.ts";
import { licenseImage } from "./license-image.ts";
import {
  nameWithRun,
  type RegisteredImage,
  registerImage,
  registrationFor,
} from "./register-image.ts";
import { inStep, type Run } from "./run.ts";
import type { SnapshotCopy } from "./snapshot-volumes.ts";

/** What preflight has found fit to be copied. */
export interface CheckedSource {
  readonly source: SourceImage;
  /** The image that lends its licence; absent: none is needed. */
  readonly donor?: Image;
}

export interface RegisteredCopy extends RegisteredImage {
  /** Of the image's own snapshots. */
  readonly copies: readonly SnapshotCopy[];
}

export async function registerCopy(
  run: Run & { readonly claims: readonly Claim[] },
  { source: { image, ownerOnly }, donor }: CheckedSource,
  finished: Finished,
  { description, tags }: ImageWishes,
): Promise<RegisteredCopy> {
  const { request, identity } = run;
  const { copies } = finished;
  const name = finished.image?.name ?? request.name ?? image.name;
  const uefiData = ownerOnly?.uefiData;
  const wishes = { name, description, ...(uefiData !== undefined && { uefiData }) };
  const registration = registrationFor(request, image, copies, wishes);
  if (finished.image !== undefined) return adopted(finished.image, registration, copies);
  const otherName =
    request.name === undefined ? nameWithRun(image.name, identity.runId) : undefined;
  const registered =
    donor === undefined
      ? await inStep(run, "register-image", async () => {
          return { ...(await registerImage(run, registration, tags, otherName)), copies };
        })
      : await licenseImage(run, {
          ...{ donor, license: image, registration, tags, otherName, copies },
          groupId: run.claims.find(({ side }) => side === "destination")?.groupId ?? "",
        });
  const snapshotIds = registered.copies.map(({ snapshotId }) => snapshotId);
  await inStep(run, "end-superseded", () => endSuperseded(run, snapshotIds));
  return registered;
}

/** Claimed by an older attempt: what it was registered as shows in its own devices. */
function adopted(
  image: Image,
  registration: RegisteredImage["registration"],
  copies: readonly SnapshotCopy[],
): RegisteredCopy {
  return { image, registration: withSnapshotsOf(registration, image), copies };
}
