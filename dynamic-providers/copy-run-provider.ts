/** What happens when Pulumi checks, makes, refreshes, changes or deletes a {@link CopyRun} row. */

import type { dynamic } from "@pulumi/pulumi";
import type { HelperSide } from "../agent/contract.ts";
import { isCloudError } from "./ec2/cloud-error.ts";
import type { Image } from "./ec2/image.ts";
import { messageOf, plainError, preflightError } from "./failure.ts";
import { checkRequest } from "./inputs.ts";
import type { ProviderParts } from "./provider-parts.ts";
import { referencesChanged, replacingChanges } from "./replacement.ts";
import { checkAccount } from "./workflow/check-account.ts";
import type { CopyRequest, FidelityLine, RowTime, RunIdentity } from "./workflow/copy-request.ts";
import { formatEstimate } from "./workflow/estimate.ts";
import { losses } from "./workflow/fidelity-line.ts";
import { formatFidelity } from "./workflow/format-fidelity.ts";
import { licenseName } from "./workflow/license-donor.ts";

/** What the state holds of a run. */
interface CopyRunState {
  readonly request: CopyRequest;
  readonly run: RunIdentity;
  /** ISO 8601 UTC. */
  readonly createdAt: string;
  /** Seen by a refresh: nothing of the run exists any more. */
  readonly lost: boolean;
}

export function createCopyRunProvider(parts: ProviderParts): dynamic.ResourceProvider {
  return {
    async check(_olds, news) {
      const { request, problems } = checkRequest(news.request);
      // With a property the engine would print its whole value; each sentence names its argument.
      const failures = problems.map((reason) => ({ property: "", reason }));
      return { inputs: { ...news, request }, failures };
    },

    async diff(_id, olds: CopyRunState, news) {
      const replaces = replacingChanges(olds.run, olds.request, news.request);
      if (olds.lost) replaces.push("lost");
      const sides = ["source", "destination"] as const;
      const isReachedOtherwise = referencesChanged(olds.request, news.request, sides);
      return { changes: replaces.length > 0 || isReachedOtherwise, replaces };
    },

    async create(inputs) {
      const request: CopyRequest = inputs.request;
      const runId = parts.newRunId();
      const row = parts.rowOf(inputs.organization, inputs.rowUrn);
      const rowTime = rowTimeOf(parts, 0);
      const report = await parts.preflight(request, { runId, row, rowTime }).catch((error) => {
        throw plainError(error);
      });
      const { problems, identity, fidelity, estimate, donor, clockBehindMs = 0 } = report;
      if (problems.length > 0 || identity === undefined) throw preflightError(problems);
      if (donor !== undefined) tellDonor(parts, request, donor);
      tellLosses(parts, request, fidelity ?? []);
      if (estimate !== undefined) {
        parts.log.note(undefined, `${request.sourceAmiId}: ${formatEstimate(estimate)}`);
      }
      const createdAt = new Date(parts.clock.now()).toISOString();
      const run = { runId, row, rowTime: rowTimeOf(parts, clockBehindMs), ...identity };
      const outs: CopyRunState = { request, run, createdAt, lost: false };
      return { id: runId, outs };
    },

    async read(id, props) {
      const state = props as CopyRunState;
      const lost = await isLost(parts, state).catch((error) => {
        throw plainError(error);
      });
      return { id, props: { ...state, lost } };
    },

    // Only how the sides are reached can change here. No call: the new way may not work yet.
    async update(_id, olds: CopyRunState, news) {
      return { outs: { ...olds, request: news.request } };
    },

    async delete(_id, props: CopyRunState) {
      const { source, destination } = props.run;
      const isOnePlace =
        source.accountId === destination.accountId && source.region === destination.region;
      // What is in one place is found by either side, and two sweeps of it would stop each other.
      const sides = isOnePlace ? (["destination"] as const) : (["destination", "source"] as const);
      const results = await Promise.allSettled(sides.map((side) => sweep(parts, props, side)));
      const failures = results.flatMap((result, index) =>
        result.status === "rejected" ? [`${sides[index]}: ${messageOf(result.reason)}`] : [],
      );
      if (failures.length > 0) throw plainError(new Error(failures.join("\n")));
    },
  };
}

function rowTimeOf({ startMs, clock }: ProviderParts, clockBehindMs: number): RowTime {
  const timeOf = (ms: number) => new Date(ms + clockBehindMs).toISOString();
  return { claimedAfter: timeOf(startMs), begunBefore: timeOf(clock.now()) };
}

/** Whose licence it will be is shown before anything of it runs. */
function tellDonor({ log }: ProviderParts, { sourceAmiId }: CopyRequest, donor: Image): void {
  const { imageId, name, ownerId } = donor;
  log.note(
    undefined,
    `${sourceAmiId} is licensed as ${licenseName(donor)}: the licence donor is ${imageId} (${name}, of ${ownerId}). An instance of it will run for a minute, stopped before its disk is exchanged.`,
  );
}

/** Before anything costs money, a person reads what the copy will not have. */
function tellLosses(
  { log }: ProviderParts,
  { sourceAmiId }: CopyRequest,
  fidelity: readonly FidelityLine[],
): void {
  const lost = losses(fidelity);
  if (lost.length === 0) return;
  log.note(undefined, `not carried over from ${sourceAmiId}:\n${formatFidelity(lost)}`);
}

/**
 * Nothing of the run is left at the destination: no image, no snapshot, and nobody at work. (The
 * row cannot know whether the copy was ever finished; with nothing there, a fresh run is right.)
 */
async function isLost(parts: ProviderParts, state: CopyRunState): Promise<boolean> {
  const { runId, destination } = state.run;
  const cloud = parts.openCloud(state.request.destination);
  await checkAccount(cloud, destination);
  const tags = parts.tagsOf(runId);
  const [images, snapshots, instances, groups] = await Promise.all([
    cloud.describeImages({ owner: "self", tags }),
    cloud.describeSnapshots({ tags }),
    cloud.describeInstances({ tags }),
    cloud.describeSecurityGroups({ tags }),
  ]);
  const isWorking = instances.some(({ state }) => state !== "terminated") || groups.length > 0;
  return images.length === 0 && snapshots.length === 0 && !isWorking;
}

async function sweep(parts: ProviderParts, state: CopyRunState, side: HelperSide): Promise<void> {
  try {
    const cloud = parts.openCloud(state.request[side]);
    await parts.sweepRun(state.run, cloud, side);
  } catch (error) {
    if (side === "destination" || !mayBeLeft(parts, state, error)) throw error;
    const { runId, source } = state.run;
    parts.log.warn(
      undefined,
      `The source side of run ${runId} (account ${source.accountId}, ${source.region}) cannot be entered any more: ${messageOf(error)} Its helpers end by themselves, half an hour after their last lease. To look for leftovers later: npx amicopy sweep --region ${source.region} --older-than 2h --dry-run`,
    );
  }
}

/**
 * Access to the source may be gone for good, and its helpers end with their last lease; a source that
 * was started has none.
 */
function mayBeLeft(parts: ProviderParts, state: CopyRunState, error: unknown): boolean {
  if (state.request.allowBootOfSource) return false;
  const cause = error instanceof Error ? (error.cause ?? error) : error;
  if (!isCloudError(cause, "credentials", "denied")) return false;
  const { limits, clock } = parts;
  const longestMs = state.request.timeoutMinutes * 60_000 + limits.leaseMs + limits.expiryMarginMs;
  return clock.now() > Date.parse(state.createdAt) + longestMs;
}
