/** What happens when Pulumi makes, refreshes, changes or deletes a {@link CopiedImage} row. */

import type { dynamic } from "@pulumi/pulumi";
import { driftOf } from "./drift.ts";
import { plainError, unfinishedError } from "./failure.ts";
import {
  attainable,
  changedWishes,
  mapsOtherwise,
  needsSource,
  wishesChanged,
} from "./image-wishes.ts";
import { checkRequest } from "./inputs.ts";
import { leftBehindWarning } from "./progress.ts";
import type { ProviderParts } from "./provider-parts.ts";
import { referencesChanged, replacingChanges } from "./replacement.ts";
import type { RunOutcome } from "./shared-run.ts";
import { isUnknown } from "./unknown-value.ts";
import { snapshotWishes, wishesFor } from "./workflow/carry-over.ts";
import { checkAccount } from "./workflow/check-account.ts";
import { CopyError } from "./workflow/copy-error.ts";
import type {
  CopiedImageFacts,
  CopyRequest,
  ImageWishes,
  RunIdentity,
} from "./workflow/copy-request.ts";
import { describeSource } from "./workflow/describe-source.ts";
import { withMovedSnapshots } from "./workflow/moved-snapshots.ts";
import type { ObservedImage } from "./workflow/observe-image.ts";

interface ImageInputs {
  readonly request: CopyRequest;
  readonly run: RunIdentity;
  readonly progressUrn: string;
  readonly __provider: string;
}

interface CompleteState {
  readonly outcome: "complete";
  readonly request: CopyRequest;
  readonly run: RunIdentity;
  readonly image: CopiedImageFacts;
  readonly attempt: number;
  /** As create and update made it. */
  readonly wanted: ImageWishes;
  /** What the copy could not clean up: the next `up` does. Absent: nothing. */
  readonly leftBehind?: readonly string[];
  /** A repair has failed half-way: the next goes on, whatever else has changed. */
  readonly unfinished?: true;
  /** As the last refresh saw it; absent until then. */
  readonly observed?: ObservedImage;
}

interface AbortedState {
  readonly outcome: "aborted";
  readonly request: CopyRequest;
  readonly run: RunIdentity;
}

type ImageState = CompleteState | AbortedState;

export function createCopiedImageProvider(parts: ProviderParts): dynamic.ResourceProvider {
  const copy = async (inputs: ImageInputs): Promise<CompleteState> => {
    const { request, run, progressUrn } = inputs;
    const outcome = await parts.runs.join({ row: "image", progressUrn, request, run });
    return stateAfter(outcome, inputs);
  };
  return {
    // The request was checked by the run's row, which comes first; here it gets its defaults.
    async check(_olds, news) {
      return { inputs: { ...news, request: checkRequest(news.request).request } };
    },

    async diff(_id, olds: ImageState, news) {
      const replaces = replacingChanges(olds.run, olds.request, news.request);
      if (!isUnknown(news.run) && olds.run.runId !== news.run.runId) replaces.push("run");
      return { changes: replaces.length > 0 || isStale(olds, news.request), replaces };
    },

    // The id is the run's: an image that is registered again by a repair has a new one of its own.
    async create(inputs) {
      return { id: inputs.run.runId, outs: await copy(inputs) };
    },

    async read(id, props) {
      const state = props as ImageState;
      if (state.outcome === "aborted") return { id, props: state };
      const observed = await observe(parts, state).catch((error) => {
        throw plainError(error);
      });
      const isGone = !observed.registered && !hasAllSnapshots(state.image, observed);
      if (isGone) return {};
      tellDrift(parts, state, observed);
      return { id, props: { ...state, observed } };
    },

    async update(id, olds: ImageState, news) {
      if (olds.outcome === "aborted") return { outs: await copy(news) };
      const { leftBehind, ...state } = olds;
      if (leftBehind !== undefined) {
        await sweepLeftBehind(parts, { ...state, request: news.request });
      }
      return { outs: await repair(parts, id, state, news) };
    },

    async delete(_id, props: ImageState) {
      if (props.outcome === "aborted" || (await isTakenOver(parts, props))) return;
      try {
        const cloud = parts.openCloud(props.request.destination);
        await parts.removeImage(props.image, cloud);
      } catch (error) {
        throw plainError(error);
      }
    },
  };
}

/**
 * With `--replace` of this row alone its successor has the same run, so that a moment ago it took up the
 * image of this one, or made one of the same snapshots: they are the successor's now.
 */
async function isTakenOver({ runs }: ProviderParts, { run }: CompleteState): Promise<boolean> {
  return (await runs.outcomeOf(run.runId))?.kind === "complete";
}

function stateAfter(outcome: RunOutcome, inputs: ImageInputs): CompleteState {
  const { request, run } = inputs;
  if (outcome.kind === "failed") {
    const outputs = { outcome: "aborted", request, run } satisfies AbortedState;
    throw unfinishedError(outcome.error, {
      id: run.runId,
      outputs: { ...outputs },
      inputs: { ...inputs },
    });
  }
  const { image, attempt, wishes, leftBehind } = outcome.result;
  const state = { outcome: "complete", request, run, image, attempt, wanted: wishes } as const;
  return leftBehind.length === 0 ? state : { ...state, leftBehind };
}

/** Whether there is anything to do, be it only to remember how the destination is reached now. */
function isStale(olds: ImageState, request: CopyRequest): boolean {
  if (olds.outcome === "aborted" || olds.leftBehind !== undefined || olds.unfinished) return true;
  if (referencesChanged(olds.request, request, ["destination"])) return true;
  return wishesChanged(olds.request, request) || driftOf(olds.wanted, olds.observed).length > 0;
}

function tellDrift({ log }: ProviderParts, { image, wanted }: CompleteState, seen: ObservedImage) {
  const drift = driftOf(wanted, seen);
  if (drift.length === 0) return;
  const what = `${image.imageId} in ${image.region} has drifted: ${drift.join(", ")}`;
  log.warn(undefined, `${what}. The next \`pulumi up\` repairs it.`);
}

function hasAllSnapshots(image: CopiedImageFacts, observed: ObservedImage): boolean {
  return image.snapshots.every(({ snapshotId }) => observed.snapshotIds.includes(snapshotId));
}

async function observe(parts: ProviderParts, state: CompleteState): Promise<ObservedImage> {
  const cloud = parts.openCloud(state.request.destination);
  return parts.observeImage(state.image, cloud, state.wanted);
}

/** The image is claimed, so that it and its snapshots are spared. */
async function sweepLeftBehind(parts: ProviderParts, { request, run }: CompleteState) {
  try {
    for (const side of ["source", "destination"] as const) {
      await parts.sweepLeftBehind(run, parts.openCloud(request[side]), side);
    }
  } catch (error) {
    throw plainError(error);
  }
}

/** Makes the image as it is wanted now. Calls nothing when only a reference has changed. */
async function repair(
  parts: ProviderParts,
  id: string,
  olds: CompleteState,
  news: ImageInputs,
): Promise<CompleteState> {
  const { request } = news;
  const { observed, unfinished, ...rest } = olds;
  let state: CompleteState = { ...rest, request };
  const isAsked = wishesChanged(olds.request, request) || unfinished;
  if (!isAsked && driftOf(olds.wanted, observed).length === 0) {
    return observed === undefined ? state : { ...state, observed };
  }
  try {
    const cloud = parts.openCloud(request.destination);
    if (observed?.registered === false) {
      const { image, leftBehind } = await parts.restoreImage(olds.image, news);
      const wanted = withMovedSnapshots(olds.wanted, olds.image, image);
      state = { ...state, image, wanted };
      if (leftBehind.length > 0) {
        state = { ...state, leftBehind };
        parts.log.warn(news.progressUrn, leftBehindWarning(leftBehind));
      }
    }
    const source = await sourceWishes(parts, { ...olds, image: state.image }, news);
    const changed = changedWishes(state.wanted, olds.request, request, source);
    const wanted = attainable(changed, observed, parts.clock.now());
    const image = await parts.updateImage(state.image, wanted, cloud);
    return { ...state, image, wanted };
  } catch (error) {
    // A restored image has a new id, which the state must not lose.
    if (state.image.imageId === olds.image.imageId) throw plainError(error);
    const outputs = { ...state, request: olds.request, unfinished: true };
    throw unfinishedError(error, { id, outputs, inputs: { ...news } });
  }
}

/**
 * @returns `undefined` also when the source image is gone: what was copied from it then stays.
 * @throws CopyError when permissions are to be other than they were, and only the source could say which.
 */
async function sourceWishes(
  parts: ProviderParts,
  { request: before, image }: CompleteState,
  { request, run }: ImageInputs,
): Promise<ImageWishes | undefined> {
  if (!needsSource(before, request)) return undefined;
  const cloud = parts.openCloud(request.source);
  await checkAccount(cloud, run.source);
  const source = await describeSource(cloud, request.sourceAmiId, run.source.accountId);
  if (source === undefined && mapsOtherwise(before, request)) throw noSource(request);
  if (source === undefined) return undefined;
  const wishes = wishesFor(request, source, run, parts.clock.now());
  const snapshotPermissions = snapshotWishes(request, source, image.snapshots, run);
  return snapshotPermissions === undefined ? wishes : { ...wishes, snapshotPermissions };
}

function noSource({ sourceAmiId, source }: CopyRequest): CopyError {
  return new CopyError(
    `${sourceAmiId} is gone from ${source.region}, so that nobody can say who may use it`,
    {
      code: "cloud",
      step: "update-image",
      ids: [sourceAmiId],
      hint: "Leave copyLaunchPermissions out, which takes all permissions away, or as it was.",
    },
  );
}
