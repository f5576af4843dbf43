/**
 * One copy, from the first look to the claimed image:
 *
 *   1 preflight      problems, all at once; nothing created so far
 *   2 claim-attempt  a number that no other process has; older attempts are ended
 *   3 find-finished  what older attempts have finished is not copied again
 *   4 copy-volumes   helpers launched, introduced, transfer, snapshots, helpers ended
 *   5 register-image the image with everything carried over, verified
 *   6 claim-image    from here on it is finished; the stack owns it once its row is in the state
 *
 * Whatever happens in between, the helpers, their volumes and groups are ended before it returns.
 */

import type { Image } from "../ec2/ec2.ts";
import { candidateSubnets } from "./choose-helper.ts";
import { type Claim, checkClaims, claimAttempt } from "./claim-attempt.ts";
import { toFacts } from "./copied-facts.ts";
import { CopyError, isCopyError } from "./copy-error.ts";
import type { CopyRequest, CopyResult, HelperFacts, RunIdentity } from "./copy-request.ts";
import { type CopiedVolumes, copyVolumes } from "./copy-volumes.ts";
import { describeSource, type SourceImage } from "./describe-source.ts";
import { endOlderAttempts, endOwnLeftovers } from "./end-attempts.ts";
import { type Finished, findFinished } from "./find-finished.ts";
import { keepAlive } from "./keep-alive.ts";
import { preflight } from "./preflight.ts";
import {
  claimImage,
  nameWithRun,
  type RegisteredImage,
  registerImage,
  registrationFor,
  wantedImageTags,
} from "./register-image.ts";
import { inStep, type Run, toCopyError } from "./run.ts";
import type { RunContext } from "./run-context.ts";
import { UndoStack } from "./undo-stack.ts";
import { updateImage } from "./update-image.ts";

type ClaimedRun = Run & { readonly claims: readonly Claim[] };

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
  try {
    const source = await inStep(run, "preflight", () => checkedSource(request, identity, run));
    claimed = await inStep(run, "claim-attempt", () => claim(run, identity, startMs));
    const result = await attemptCopy(claimed, source, (reason) => end.abort(reason));
    const seconds = Math.round((context.clock.now() - startMs) / 1000);
    return { ...result, image: { ...result.image, durationSeconds: seconds } };
  } catch (error) {
    failure = toCopyError(error, "copy-image", run.signal);
    throw failure;
  } finally {
    clearTimeout(timer);
    await cleanUp({ context, undo, claimed, failure });
  }
}

async function checkedSource(
  request: CopyRequest,
  identity: RunIdentity,
  { clouds, report }: RunContext,
): Promise<SourceImage> {
  report("image", "checking both sides");
  const { problems } = await preflight(request, clouds, identity);
  if (problems.length > 0) {
    const lines = problems.map(({ property, message, hint }) => `${property}: ${message} ${hint}`);
    throw new CopyError(lines.join("\n"), { code: "preflight", step: "preflight" });
  }
  const source = await describeSource(clouds.source, request.sourceAmiId);
  if (source !== undefined) return source;
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
  const endMs = startMs + request.timeoutMinutes * 60_000 + limits.expiryMarginMs;
  const expires = new Date(endMs).toISOString();
  const { runId } = identity;
  const namePrefix = request.temporaryNamePrefix;
  const claimed = await claimAttempt({ ...run, runId, expires, namePrefix, sides });
  const { attempt, nonce, claims, olderSeen } = claimed;
  const checkFence = () => checkClaims(runId, claimed);
  const attemptRun = { ...run, identity, attempt, nonce, expires, checkFence, claims };
  await endOlderAttempts(attemptRun, olderSeen);
  return attemptRun;
}

async function attemptCopy(
  run: ClaimedRun,
  source: SourceImage,
  abort: (reason: Error) => void,
): Promise<CopyResult> {
  const { attempt } = run;
  const alive = keepAlive(run, abort);
  try {
    const finished = await inStep(run, "find-finished", () => findFinished(run, source));
    const copied = await copyMissing(run, alive, finished);
    const copies = [...finished.copies, ...copied.copies];
    const wishes = wantedImageTags(run.request, source.image.tags);
    const registered = await inStep(run, "register-image", () =>
      register(run, source.image, { ...finished, copies }, wishes),
    );
    const image = toFacts(run, { source, registered, copies, tags: wishes, copied });
    if (finished.image !== undefined) {
      const kept = { ...wishesOf(image), launchPermissions: [], disabled: false };
      await inStep(run, "update-image", () => updateImage(image, kept, run.clouds.destination));
    } else {
      await inStep(run, "claim-image", () => claimImage(run, image.imageId));
    }
    run.report("image", `${image.imageId} available`);
    return { image, helpers: copied.helpers, attempt };
  } finally {
    await alive.stop();
  }
}

/** Helpers and snapshots for what no older attempt has finished; without any, nothing is started. */
async function copyMissing(
  run: ClaimedRun,
  alive: ReturnType<typeof keepAlive>,
  { missing }: Finished,
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

async function register(
  run: Run,
  image: Image,
  finished: Finished,
  tags: Readonly<Record<string, string>>,
): Promise<RegisteredImage> {
  const { request, identity } = run;
  const registration = registrationFor(image, finished.copies, {
    name: finished.image?.name ?? request.name ?? image.name,
    description: request.description ?? image.description,
  });
  if (finished.image !== undefined) return { image: finished.image, registration };
  const otherName =
    request.name === undefined ? nameWithRun(image.name, identity.runId) : undefined;
  return registerImage(run, registration, tags, otherName);
}

function wishesOf(image: { description: string; imageTags: Readonly<Record<string, string>> }) {
  return { description: image.description, tags: image.imageTags };
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
  readonly claimed: Run | undefined;
  readonly failure: unknown;
}

/** Never throws: what it could not remove is told with the failure, or on the image's row. */
async function cleanUp({ context, undo, claimed, failure }: CleanUp): Promise<void> {
  const leftBehind: string[] = [];
  if (failure !== undefined && claimed !== undefined) {
    context.report("image", "cleaning up");
    // By tag first: a call whose answer was lost may have made what the undo stack does not know.
    leftBehind.push(...(await endOwnLeftovers(claimed)));
  }
  leftBehind.push(...(await undo.run(failure !== undefined)));
  if (leftBehind.length === 0) return;
  if (isCopyError(failure)) failure.leftBehind = leftBehind;
  else context.report("image", `could not be cleaned up: ${leftBehind.join("; ")}`);
}
