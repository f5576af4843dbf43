/**
 * Everything real is put together here, but for what is of one process: its environment, engine and
 * signals. `provider.ts` gives those of Pulumi's dynamic provider process, a test its own.
 */

import { hash, randomBytes } from "node:crypto";
import type { dynamic } from "@pulumi/pulumi";
import { type HelperSide, Tag } from "../agent/contract.ts";
import type { Cancellation } from "./cancellation.ts";
import { createCopiedImageProvider } from "./copied-image-provider.ts";
import { createCopyRunProvider } from "./copy-run-provider.ts";
import type { Ec2 } from "./ec2/ec2.ts";
import type { EngineLog } from "./engine-log.ts";
import { createHelperInstanceProvider } from "./helper-instance-provider.ts";
import { createImageOwnershipProvider } from "./image-ownership-provider.ts";
import { createProgress } from "./progress.ts";
import type { ProviderParts } from "./provider-parts.ts";
import { createSharedRuns } from "./shared-run.ts";
import { withCheckedState } from "./stored-state.ts";
import type { ProviderName } from "./stub.ts";
import { userDataTemplates } from "./user-data-template.ts";
import { copyImage } from "./workflow/copy-image.ts";
import type { CopyRequest, SideReference } from "./workflow/copy-request.ts";
import type { Limits } from "./workflow/limits.ts";
import { observeImage } from "./workflow/observe-image.ts";
import { ownImage } from "./workflow/own-image.ts";
import { preflight } from "./workflow/preflight.ts";
import { removeImage } from "./workflow/remove-image.ts";
import { restoreImage } from "./workflow/restore-image.ts";
import type { Clock, Clouds, RunContext } from "./workflow/run-context.ts";
import { sweepRun } from "./workflow/sweep-run.ts";
import { updateImage } from "./workflow/update-image.ts";

/** What is of one process. */
export interface Surroundings {
  readonly openCloud: (side: SideReference) => Ec2;
  /** The text of `dist/agent/<side>.sh`. */
  readonly userDataTemplate: (side: HelperSide) => Promise<string>;
  /** Where the stack is, besides what a URN tells: a stack's name is unique in its backend only. */
  readonly stackPlace: string;
  /** When the process began, in milliseconds since 1970. Its engine has read the state before. */
  readonly startMs: number;
  readonly log: EngineLog;
  readonly cancellation: Cancellation;
  readonly clock: Clock;
  readonly limits: Limits;
  /** A line a minute is all that is wanted. */
  readonly quiet: boolean;
}

export type Providers = Readonly<Record<ProviderName, dynamic.ResourceProvider>>;

export function composeProviders(surroundings: Surroundings): Providers {
  const { openCloud, stackPlace, startMs, log, cancellation, clock, limits, quiet } = surroundings;
  const openClouds = ({ source, destination }: CopyRequest): Clouds => ({
    source: openCloud(source),
    destination: openCloud(destination),
  });
  const newProgress = () => createProgress({ log, quiet, now: () => performance.now() });
  const contextFor = async (
    request: CopyRequest,
    report: RunContext["report"],
  ): Promise<RunContext> => {
    const clouds = openClouds(request);
    const templates = await userDataTemplates(surroundings.userDataTemplate);
    const { signal, checkWanted } = cancellation;
    return { clouds, signal, checkWanted, report, userDataTemplates: templates, clock, limits };
  };
  const waiting = { clock, limits, signal: cancellation.signal };
  const parts: ProviderParts = {
    openCloud,
    tagsOf: (runId) => ({ [Tag.run]: runId }),
    startMs,
    newRunId: () => randomBytes(8).toString("hex"),
    rowOf: (organization, urn) =>
      hash("sha256", JSON.stringify([stackPlace, organization, urn])).slice(0, 16),
    async preflight(request, begins) {
      const templates = await userDataTemplates(surroundings.userDataTemplate);
      const launch = { userDataTemplates: templates, limits };
      return preflight(request, openClouds(request), undefined, { launch, begins });
    },
    runs: createSharedRuns({
      newProgress,
      cancellation,
      copy: async (request, run, report) =>
        copyImage(request, run, await contextFor(request, report)),
    }),
    observeImage,
    async restoreImage(facts, { request, run, progressUrn }) {
      const progress = newProgress();
      progress.attach("image", progressUrn);
      const context = await contextFor(request, progress.report);
      return cancellation.guard(restoreImage(facts, request, run, context));
    },
    updateImage,
    ownImage,
    removeImage: (facts, cloud) => removeImage(facts, cloud, { clock, limits }),
    sweepRun: (run, cloud, side) => cancellation.guard(sweepRun(run, cloud, side, waiting)),
    sweepLeftBehind: (run, cloud, side) =>
      cancellation.guard(sweepRun(run, cloud, side, waiting, { endsUnowned: false })),
    log,
    clock,
    limits,
  };
  return {
    copyRun: withCheckedState("copyRun", createCopyRunProvider(parts)),
    helperInstance: withCheckedState("helperInstance", createHelperInstanceProvider(parts)),
    copiedImage: withCheckedState("copiedImage", createCopiedImageProvider(parts)),
    imageOwnership: withCheckedState("imageOwnership", createImageOwnershipProvider(parts)),
  };
}
