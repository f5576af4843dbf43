/**
 * The image was deregistered but its snapshots are there: it comes back without helpers, or, when it
 * is licensed, by way of a licence donor.
 */

import { Tag } from "../../agent/contract.ts";
import { checkAccount } from "./check-account.ts";
import { checkCopiedSnapshots } from "./check-copied-snapshots.ts";
import { imageArn } from "./copied-facts.ts";
import { CopyError } from "./copy-error.ts";
import type { CopiedImageFacts, CopyRequest, RunIdentity } from "./copy-request.ts";
import { deregister } from "./deregister.ts";
import { accountOf } from "./observe-image.ts";
import { ownImage } from "./own-image.ts";
import { claimImage, differences, registerImage, waitForImage } from "./register-image.ts";
import { restoreLicensed } from "./restore-licensed.ts";
import { inStep, type Run, toCopyError } from "./run.ts";
import type { RunContext } from "./run-context.ts";
import { UndoStack } from "./undo-stack.ts";

export interface RestoredImage {
  /** With the new image id, and with new snapshots when it is licensed. */
  readonly image: CopiedImageFacts;
  /** What could not be cleaned up; what is left is there all the same. */
  readonly leftBehind: readonly string[];
}

/** Registers the image again, exactly as it was registered the first time. */
export async function restoreImage(
  facts: CopiedImageFacts,
  request: CopyRequest,
  identity: RunIdentity,
  context: RunContext,
): Promise<RestoredImage> {
  if (facts.license !== undefined) return restoreLicensed(facts, request, identity, context);
  const undo = new UndoStack();
  const { clock, clouds, limits } = context;
  const nowMs = clock.now() + clouds.destination.clockBehindMs();
  const run: Run = {
    ...context,
    request,
    identity,
    undo,
    attempt: 0,
    nonce: "",
    expires: new Date(nowMs + limits.imageMs + limits.expiryMarginMs).toISOString(),
    // Nothing here runs on after its process, so that only one whose engine is gone is to be stopped.
    checkFence: context.checkWanted,
  };
  try {
    const image = await inStep(run, "restore-image", () => restore(run, facts));
    return { image, leftBehind: await undo.run(false) };
  } catch (error) {
    const failure = toCopyError(error, "restore-image", run.signal);
    const leftBehind = await undo.run(true);
    if (failure instanceof CopyError) failure.leftBehind = leftBehind;
    throw failure;
  }
}

async function restore(run: Run, facts: CopiedImageFacts): Promise<CopiedImageFacts> {
  const cloud = run.clouds.destination;
  await checkAccount(cloud, accountOf(facts));
  const snapshotIds = [...new Set(facts.snapshots.map(({ snapshotId }) => snapshotId))];
  await checkCopiedSnapshots(cloud, facts);
  const imageId = (await findRestored(run, facts)) ?? (await registerAgain(run, facts));
  await claimImage(run, imageId);
  // The row is in the state, if with the id of the image that is gone.
  await ownImage(cloud, { imageId, snapshotIds }, run.clock.now());
  run.report("image", `${imageId} registered again`);
  return { ...facts, imageId, imageArn: imageArn(facts.partition, facts.region, imageId) };
}

async function registerAgain(run: Run, facts: CopiedImageFacts): Promise<string> {
  return (await registerImage(run, facts.registration, facts.imageTags)).image.imageId;
}

/**
 * An earlier repair may have got this far and been killed before Pulumi had saved its answer. What it
 * has registered is taken up, or gives the name free when it is not what was asked.
 */
async function findRestored(run: Run, facts: CopiedImageFacts): Promise<string | undefined> {
  const cloud = run.clouds.destination;
  const tags = { [Tag.run]: run.identity.runId };
  const images = await cloud.describeImages({ owner: "self", name: facts.name, tags });
  const found = images.find(({ state }) => state !== "deregistered");
  if (found === undefined) return undefined;
  const { imageId } = found;
  const image = found.state === "pending" ? await waitForImage(run, imageId) : found;
  const isUsable = image.state === "available" || image.state === "disabled";
  if (isUsable && differences(image, facts.registration).length === 0) {
    return imageId;
  }
  await deregister(run, cloud, imageId);
  return undefined;
}
