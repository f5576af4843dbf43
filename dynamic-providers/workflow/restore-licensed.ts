/**
 * A licensed image was deregistered but its snapshots are there. To register them would lose the
 * licence, so the image goes through a licence donor again. That is a machine, unlike a registration:
 * so this claims an attempt of the run as a copy does, and whoever comes later ends what is left.
 *
 * The image gets snapshots of its own. The former ones, of which Pulumi's state tells until it has
 * the answer of this, stay until the next such repair or the end of the copy; what both have in
 * common EBS stores once.
 */

import { Tag } from "../../agent/contract.ts";
import type { Ec2 } from "../ec2/ec2.ts";
import type { Image } from "../ec2/image.ts";
import { checkAccount } from "./check-account.ts";
import { checkCopiedSnapshots } from "./check-copied-snapshots.ts";
import { candidateSubnets } from "./choose-helper.ts";
import { type Claim, checkClaims, claimAttempt } from "./claim-attempt.ts";
import { imageArn, licenseOf } from "./copied-facts.ts";
import { CopyError } from "./copy-error.ts";
import type { CopiedImageFacts, CopyRequest, RunIdentity } from "./copy-request.ts";
import { withSnapshotsOf } from "./create-licensed-image.ts";
import { deregister } from "./deregister.ts";
import { endOlderAttempts, endOwnLeftovers } from "./end-attempts.ts";
import { isAdoptable } from "./end-leftovers.ts";
import { endSuperseded } from "./end-superseded.ts";
import { findDonor } from "./find-donor.ts";
import { type LicenseWish, licenseName } from "./license-donor.ts";
import { licenseLine } from "./license-fidelity.ts";
import { licenseImage } from "./license-image.ts";
import { accountOf } from "./observe-image.ts";
import { ownImage } from "./own-image.ts";
import { claimImage, differences } from "./register-image.ts";
import type { RestoredImage } from "./restore-image.ts";
import { inStep, type Run, toCopyError } from "./run.ts";
import type { RunContext } from "./run-context.ts";
import { UndoStack } from "./undo-stack.ts";

const STEP = "restore-licensed";

export async function restoreLicensed(
  facts: CopiedImageFacts,
  request: CopyRequest,
  identity: RunIdentity,
  context: RunContext,
): Promise<RestoredImage> {
  const undo = new UndoStack();
  const cloud = context.clouds.destination;
  // Nothing of it is on the source's side, which may not even be there any more.
  const clouds = { source: cloud, destination: cloud };
  const here = { ...identity, source: identity.destination };
  const start = { ...context, clouds, request, identity: here, undo };
  let run: ClaimedRun | undefined;
  try {
    const claimed = await inStep(context, STEP, () => claim(start, facts));
    run = claimed;
    const image = await inStep(run, STEP, () => restore(claimed, facts));
    return { image, leftBehind: await undo.run(false) };
  } catch (error) {
    const failure = toCopyError(error, STEP, context.signal);
    const own = run === undefined ? [] : await endOwnLeftovers(run, { keepAdoptable: true });
    const leftBehind = [...own, ...(await undo.run(true))];
    if (failure instanceof CopyError) failure.leftBehind = leftBehind;
    throw failure;
  }
}

type ClaimedRun = Run & { readonly claims: readonly Claim[] };

async function claim(
  start: Omit<Run, "attempt" | "nonce" | "expires" | "checkFence">,
  facts: CopiedImageFacts,
): Promise<ClaimedRun> {
  const { limits, request, identity, clock } = start;
  const cloud = start.clouds.destination;
  await checkAccount(cloud, accountOf(facts));
  await checkCopiedSnapshots(cloud, facts);
  const found = await candidateSubnets(cloud, request.helper.destination.subnetId);
  if ("none" in found) {
    const { message, hint } = found.none;
    throw new CopyError(message, { code: "cloud", step: STEP, hint });
  }
  const { launchMs, stopMs, volumeMs, snapshotMs, expiryMarginMs } = limits;
  const nowMs = clock.now() + cloud.clockBehindMs();
  const endMs = nowMs + launchMs + stopMs + volumeMs + snapshotMs + expiryMarginMs;
  const expires = new Date(endMs).toISOString();
  const begun = new Date(nowMs).toISOString();
  const rowClaim = { runId: identity.runId, row: identity.row, begun };
  const vpcId = found.subnets[0]?.vpcId ?? "";
  const claimed = await claimAttempt({
    ...start,
    ...rowClaim,
    expires,
    namePrefix: request.temporaryNamePrefix,
    sides: [{ side: "destination", cloud, vpcId }],
  });
  const { attempt, nonce, claims, olderSeen } = claimed;
  const checkFence = () => checkClaims(rowClaim, claimed);
  const run = { ...start, attempt, nonce, expires, checkFence, claims };
  await endOlderAttempts(run, olderSeen);
  return run;
}

async function restore(run: ClaimedRun, facts: CopiedImageFacts): Promise<CopiedImageFacts> {
  const cloud = run.clouds.destination;
  const { registration, license } = facts;
  const wish: LicenseWish = { ...registration, ...license, productCodes: [] };
  const there = await findRestored(run, facts, wish);
  const former = facts.snapshots.map(({ snapshotId }) => snapshotId);
  await endSuperseded(run, [...former, ...snapshotsOf(there)]);
  const made = there === undefined ? await makeAgain(run, facts, wish) : { image: there };
  const { image } = made;
  const restored = withImage(facts, image, made.donor);
  await claimImage(run, image.imageId);
  // The row is in the state, if with the id of the image that is gone.
  const snapshotIds = restored.snapshots.map(({ snapshotId }) => snapshotId);
  await ownImage(cloud, { imageId: image.imageId, snapshotIds }, run.clock.now());
  run.report("image", `${image.imageId} made again, with its licence`);
  return restored;
}

async function makeAgain(
  run: ClaimedRun,
  facts: CopiedImageFacts,
  wish: LicenseWish,
): Promise<{ image: Image; donor?: Image }> {
  const found = await findDonor(run.clouds.destination, run.request, facts.imageId, wish);
  if ("none" in found) {
    const { message, hint } = found.none;
    throw new CopyError(message, { code: "product-failed", step: STEP, hint });
  }
  const { donor } = found;
  run.report("image", `licence donor is ${donor.imageId} (${donor.name})`);
  const { image } = await licenseImage(run, {
    donor,
    license: wish,
    groupId: run.claims[0]?.groupId ?? "",
    registration: facts.registration,
    tags: facts.imageTags,
    otherName: undefined,
    copies: facts.snapshots.map(({ volumeSizeGib, ...snapshot }) => {
      return { ...snapshot, sizeGib: volumeSizeGib };
    }),
  });
  return { image, donor };
}

/** An earlier repair may have got this far and been killed before Pulumi had saved its answer. */
async function findRestored(
  run: Run,
  facts: CopiedImageFacts,
  wish: LicenseWish,
): Promise<Image | undefined> {
  const cloud = run.clouds.destination;
  const tags = { [Tag.run]: run.identity.runId, [Tag.claimed]: undefined };
  const images = await cloud.describeImages({ owner: "self", name: facts.name, tags });
  const image = images.find(({ state }) => state === "available");
  if (image === undefined) return undefined;
  const registration = withSnapshotsOf(facts.registration, image);
  const isAsked =
    licenseName(image) === licenseName(wish) &&
    differences(image, registration).length === 0 &&
    (await hasSameDigests(cloud, facts, image));
  if (isAsked) return image;
  await deregister(run, cloud, image.imageId);
  return undefined;
}

async function hasSameDigests(cloud: Ec2, facts: CopiedImageFacts, image: Image): Promise<boolean> {
  const snapshots = await cloud.describeSnapshots({ ids: snapshotsOf(image) });
  const digests = new Map(
    snapshots
      .filter(isAdoptable)
      .map(({ snapshotId, tags }) => [snapshotId, tags[Tag.digest]] as const),
  );
  const byDevice = new Map(image.blockDevices.map((device) => [device.deviceName, device]));
  return facts.snapshots.every(({ deviceName, digest }) => {
    const device = byDevice.get(deviceName);
    return device?.kind === "snapshot" && digests.get(device.snapshotId) === digest;
  });
}

function snapshotsOf(image: Image | undefined): string[] {
  return (image?.blockDevices ?? []).flatMap((device) =>
    device.kind === "snapshot" ? [device.snapshotId] : [],
  );
}

function withImage(
  facts: CopiedImageFacts,
  image: Image,
  donor: Image | undefined,
): CopiedImageFacts {
  const { imageId } = image;
  const registration = withSnapshotsOf(facts.registration, image);
  const own = new Map(registration.blockDevices.map((device) => [device.deviceName, device]));
  const snapshots = facts.snapshots.map((snapshot) => {
    const device = own.get(snapshot.deviceName);
    return device?.kind === "snapshot" ? { ...snapshot, snapshotId: device.snapshotId } : snapshot;
  });
  const root = snapshots.find(({ deviceName }) => deviceName === facts.rootDeviceName);
  const license = licenseOf(image, donor ?? { imageId: facts.license?.donorImageId ?? "" });
  const fidelity = facts.fidelity.map((line) =>
    line.attribute === "licence" ? licenseLine(image, { imageId: license.donorImageId }) : line,
  );
  return {
    ...facts,
    imageId,
    imageArn: imageArn(facts.partition, facts.region, imageId),
    rootSnapshotId: root?.snapshotId ?? facts.rootSnapshotId,
    registration,
    snapshots,
    license,
    fidelity,
  };
}
