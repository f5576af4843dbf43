/**
 * One copy, from the first look to the claimed image:
 *
 *   1 preflight      problems, all at once; nothing created so far
 *   2 claim-attempt  a number that no other process has; older attempts are ended, an older run of
 *                    the same row is waited for (yield-to-newer)
 *   3 find-finished  what older attempts have finished is not copied again
 *   4 boot-source    only when the source may be launched but not read, and that was allowed
 *   5 copy-volumes   helpers launched, introduced, transfer, snapshots, helpers ended
 *   6 register-copy  the image with everything carried over, verified; one that AWS bills as more
 *                    than Linux by way of an instance that has the licence (license-image)
 *   7 claim-image    from here on it is finished; the stack owns it once its row is in the state
 *
 * Whatever happens in between, the helpers, their volumes and groups are ended before it returns.
 */

import type { Tags } from "../ec2/tags.ts";
import { bootSource } from "./boot-source.ts";
import { snapshotWishes, wishesFor } from "./carry-over.ts";
import { candidateSubnets } from "./choose-helper.ts";
import { attemptOf, type Claim, checkClaims, claimAttempt } from "./claim-attempt.ts";
import { toFacts } from "./copied-facts.ts";
import { CopyError, isCopyError } from "./copy-error.ts";
import type {
  CopiedImageFacts,
  CopyRequest,
  CopyResult,
  HelperFacts,
  ImageWishes,
  RunIdentity,
} from "./copy-request.ts";
import { type CopiedVolumes, copyVolumes, keyUseOf } from "./copy-volumes.ts";
import { describeSource, type SourceImage, type SourceVolume } from "./describe-source.ts";
import { endOlderAttempts, endOwnLeftovers } from "./end-attempts.ts";
import { endLeftovers } from "./end-leftovers.ts";
import { endUnusable } from "./end-unusable.ts";
import { formatEstimate } from "./estimate.ts";
import { findFinished } from "./find-finished.ts";
import { keepAlive } from "./keep-alive.ts";
import { keepFailed } from "./keep-failed.ts";
import { preflight } from "./preflight.ts";
import { type CheckedSource, registerCopy } from "./register-copy.ts";
import { claimImage, type RegisteredImage } from "./register-image.ts";
import { inStep, type Run, toCopyError } from "./run.ts";
import type { RunContext } from "./run-context.ts";
import { completeCopies, type SnapshotCopy } from "./snapshot-volumes.ts";
import { takeOver } from "./take-over.ts";
import { UndoStack } from "./undo-stack.ts";
import { updateImage } from "./update-image.ts";
import { verifyImage } from "./verify-image.ts";
import { awaitOlder, type RowClaim, rowTags } from "./yield-to-newer.ts";

type ClaimedRun = Run & { readonly claims: readonly Claim[]; readonly rowClaim: RowClaim };

/**
 * Copies one image.
 *
 * @throws CopyError; its `leftBehind` names what could not be cleaned up.
 */
export async function copyImage(
  request: CopyRequest,
  identity: RunIdentity,
  context: RunContext,
): Promise<CopyResult> {
  const startMs = context.clock.now();
  const end = new AbortController();
  const timer = setTimeout(() => end.abort(outOfTime(request)), request.timeoutMinutes * 60_000);
  const undo = new UndoStack();
  const run = { ...context, signal: AbortSignal.any([context.signal, end.signal]), request, undo };
  let claimed: ClaimedRun | undefined;
  let failure: unknown;
  let result: CopyResult | undefined;
  try {
    const checked = await inStep(run, "preflight", () => checkedSource(request, identity, run));
    claimed = await inStep(run, "claim-attempt", () => claim(run, identity, startMs));
    const copied = await attemptCopy(claimed, checked, (reason) => end.abort(reason));
    const seconds = Math.round((context.clock.now() - startMs) / 1000);
    result = { ...copied, image: { ...copied.image, durationSeconds: seconds } };
  } catch (error) {
    failure = toCopyError(error, "copy-image", run.signal);
  }
  clearTimeout(timer);
  const leftBehind = await cleanUp({ context, undo, claimed, failure });
  if (result !== undefined) return { ...result, leftBehind };
  if (isCopyError(failure)) failure.leftBehind = leftBehind;
  throw failure;
}

async function checkedSource(
  request: CopyRequest,
  identity: RunIdentity,
  { clouds, report, ...launch }: RunContext,
): Promise<CheckedSource> {
  report("image", "checking both sides");
  const { problems, estimate, donor } = await preflight(request, clouds, identity, { launch });
  if (problems.length > 0) {
    const lines = problems.map(({ property, message, hint }) => `${property}: ${message} ${hint}`);
    throw new CopyError(lines.join("\n"), { code: "preflight", step: "preflight" });
  }
  if (estimate !== undefined) report("image", formatEstimate(estimate));
  const { accountId } = identity.source;
  const source = await describeSource(clouds.source, request.sourceAmiId, accountId);
  if (donor !== undefined) report("image", `licence donor is ${donor.imageId} (${donor.name})`);
  if (source !== undefined) return { source, ...(donor !== undefined && { donor }) };
  throw new CopyError(`image ${request.sourceAmiId} is gone`, { code: "cloud", step: "preflight" });
}

async function claim(
  run: RunContext & { request: CopyRequest; undo: UndoStack },
  identity: RunIdentity,
  startMs: number,
): Promise<ClaimedRun> {
  const { request, limits, clouds } = run;
  const vpcOf = async (side: "source" | "destination") => {
    const found = await candidateSubnets(clouds[side], request.helper[side].subnetId);
    if ("subnets" in found) return found.subnets[0]?.vpcId ?? "";
    throw new CopyError(found.none.message, { code: "cloud", step: "claim-attempt" });
  };
  const sides = [
    { side: "destination" as const, cloud: clouds.destination, vpcId: await vpcOf("destination") },
    { side: "source" as const, cloud: clouds.source, vpcId: await vpcOf("source") },
  ];
  const wishes = [request.helper.source, request.helper.destination];
  const keptMinutes = Math.max(0, ...wishes.map(({ debug }) => debug?.keepMinutes ?? 0));
  const endMs = startMs + (request.timeoutMinutes + keptMinutes) * 60_000 + limits.expiryMarginMs;
  // By AWS's clock: whoever sweeps may not have ours.
  const behindMs = clouds.destination.clockBehindMs();
  const expires = new Date(endMs + behindMs).toISOString();
  const begun = new Date(run.clock.now() + behindMs).toISOString();
  const rowClaim = { runId: identity.runId, row: identity.row, begun };
  const namePrefix = request.temporaryNamePrefix;
  const claimed = await claimAttempt({ ...run, ...rowClaim, expires, namePrefix, sides });
  const { attempt, nonce, claims, olderSeen } = claimed;
  const checkFence = () => checkClaims(rowClaim, claimed);
  const fenced = { attempt, nonce, expires, checkFence, claims, rowClaim };
  const attemptRun = { ...run, identity, ...fenced };
  await endOlderAttempts(attemptRun, olderSeen);
  await awaitOlder(attemptRun, clouds.destination, rowClaim);
  const taken = await takeOver(identity, clouds.destination);
  if (taken.length > 0)
    run.report("image", `taking over what another run finished: ${taken.join()}`);
  return attemptRun;
}

async function attemptCopy(
  run: ClaimedRun,
  checked: CheckedSource,
  abort: (reason: Error) => void,
): Promise<CopyResult> {
  const { attempt } = run;
  const { source, donor } = checked;
  const alive = keepAlive(run, abort);
  try {
    const finished = await inStep(run, "find-finished", () => findFinished(run, source));
    await inStep(run, "end-unusable", () => endUnusable(run, finished));
    const volumes = finished.needsBoot
      ? await inStep(run, "boot-source", () => boot(run, source))
      : finished.missing;
    const copied = await copyMissing(run, alive, volumes);
    const copies = [...finished.copies, ...copied.copies];
    const keyUse = keyUseOf(run, "destination", source.volumes);
    // An older attempt's may not be complete yet.
    await inStep(run, "snapshot-volumes", () => completeCopies(run, finished.copies, keyUse));
    const known = finished.needsBoot ? { ...source, volumes } : source;
    const first = wishesFor(run.request, known, run.identity, run.clock.now());
    const registered = await registerCopy(run, checked, { ...finished, copies }, first);
    const wishes = withSnapshots(run, known, registered.copies, first);
    const facts = toFacts(run, { source: known, donor, registered, tags: wishes.tags, copied });
    const image = await finish(run, facts, wishes, registered);
    run.report("image", `${image.imageId} available`);
    return { image, wishes, helpers: copied.helpers, attempt, leftBehind: [] };
  } finally {
    await alive.stop();
  }
}

/** What older attempts have copied is of another boot, and of no more use. */
async function boot(run: ClaimedRun, source: SourceImage): Promise<SourceVolume[]> {
  const { runId } = run.identity;
  const concerns = (tags: Tags) => attemptOf(tags) < run.attempt;
  const rule = { runId, concerns, keepAdoptable: false };
  await endLeftovers(run, run.clouds.destination, rule);
  const groupId = run.claims.find(({ side }) => side === "source")?.groupId ?? "";
  return bootSource(run, groupId, source);
}

/** Helpers and snapshots for what no older attempt has finished; without any, nothing is started. */
async function copyMissing(
  run: ClaimedRun,
  alive: ReturnType<typeof keepAlive>,
  missing: readonly SourceVolume[],
): Promise<CopiedVolumes> {
  if (missing.length > 0) return copyVolumes(run, run.claims, alive, missing);
  const notNeeded: HelperFacts = {
    instanceId: "",
    instanceType: "",
    availabilityZone: "",
    launchedAt: "",
    terminatedAt: "",
    outcome: "not-needed",
  };
  return {
    copies: [],
    helpers: { source: notNeeded, destination: notNeeded },
    transferred: { digests: [], bytesRead: 0, bytesSent: 0, bytesResent: 0 },
  };
}

/** Only now it is known which snapshots the image has. */
function withSnapshots(
  { request, identity }: Run,
  source: SourceImage,
  copies: readonly SnapshotCopy[],
  wishes: ImageWishes,
): ImageWishes {
  const snapshotPermissions = snapshotWishes(request, source, copies, identity);
  return snapshotPermissions === undefined ? wishes : { ...wishes, snapshotPermissions };
}

/**
 * What can fail comes before the claim, while the image can still be taken back; what would hinder
 * that (protection, being disabled) comes after it.
 */
async function finish(
  run: ClaimedRun,
  facts: CopiedImageFacts,
  wishes: ImageWishes,
  { undo }: RegisteredImage,
): Promise<CopiedImageFacts> {
  const cloud = run.clouds.destination;
  const update = async (image: CopiedImageFacts, wanted: ImageWishes) => {
    const after = await inStep(run, "update-image", () => updateImage(image, wanted, cloud));
    await inStep(run, "verify-image", () => verifyImage(run, after, wanted));
    return after;
  };
  if (undo === undefined) return update(facts, wishes);
  const { deregistrationProtection, disabled, ...first } = wishes;
  const isFresh = { ...first, disabled: false };
  const image = await update(facts, isFresh);
  await inStep(run, "claim-image", () => claimImage(run, image.imageId, rowTags(run.rowClaim)));
  // Finished: should the rest fail, the next attempt takes it up and does that.
  undo.dismiss();
  const hasMore = disabled || deregistrationProtection !== undefined;
  return hasMore ? update(image, wishes) : image;
}

function outOfTime({ timeoutMinutes }: CopyRequest): CopyError {
  return new CopyError(`the copy was not finished within timeoutMinutes (${timeoutMinutes})`, {
    code: "timed-out",
    step: "copy-image",
    hint: "Give more time with timeoutMinutes and run `pulumi up` again.",
  });
}

interface CleanUp {
  readonly context: RunContext;
  readonly undo: UndoStack;
  /** Absent: the run never got as far as creating more than its claim. */
  readonly claimed: ClaimedRun | undefined;
  readonly failure: unknown;
}

/** Never throws. @returns What it could not remove, and why. */
async function cleanUp({ context, undo, claimed, failure }: CleanUp): Promise<string[]> {
  const leftBehind: string[] = [];
  let spared: ReadonlySet<string> = new Set();
  if (failure !== undefined && claimed !== undefined) {
    context.report("image", "cleaning up");
    const { ids, sentences } = await keepFailed(claimed, failure);
    spared = ids;
    if (isCopyError(failure)) failure.kept = sentences;
    // By tag first: a call whose answer was lost may have made what the undo stack does not know.
    // No state will have a displaced run, so that nothing could be taken up again.
    const keepAdoptable = !isCopyError(failure, "displaced");
    leftBehind.push(...(await endOwnLeftovers(claimed, { keepAdoptable, spared })));
  }
  leftBehind.push(...(await undo.run(failure !== undefined, spared)));
  return leftBehind;
}
