/**
 * The entry `amicopy/provider`: what the stub in a stack's state loads, in Pulumi's dynamic provider
 * process. Here everything real is put together; nothing else reads the environment, the arguments
 * or the signals of that process.
 */

import { randomBytes } from "node:crypto";
import { readFile } from "node:fs/promises";
import type { dynamic } from "@pulumi/pulumi";
import { type HelperSide, Tag } from "../agent/contract.ts";
import { watchForCancellation } from "./cancellation.ts";
import { createCopiedImageProvider } from "./copied-image-provider.ts";
import { createCopyRunProvider } from "./copy-run-provider.ts";
import { openEc2 } from "./ec2/open-ec2.ts";
import { openEngineLog } from "./engine-log.ts";
import { createHelperInstanceProvider } from "./helper-instance-provider.ts";
import { createProgress } from "./progress.ts";
import type { ProviderParts } from "./provider-parts.ts";
import { createSharedRuns } from "./shared-run.ts";
import { copyImage } from "./workflow/copy-image.ts";
import type { CopyRequest, SideReference } from "./workflow/copy-request.ts";
import { defaultLimits } from "./workflow/limits.ts";
import { observeImage } from "./workflow/observe-image.ts";
import { preflight } from "./workflow/preflight.ts";
import { removeImage } from "./workflow/remove-image.ts";
import { restoreImage } from "./workflow/restore-image.ts";
import { type Clouds, type RunContext, systemClock } from "./workflow/run-context.ts";
import { sweepRun } from "./workflow/sweep-run.ts";
import { updateImage } from "./workflow/update-image.ts";

const log = openEngineLog(process.argv);
const cancellation = watchForCancellation({
  isEngineThere: log.isEngineThere,
  exit: (code) => process.exit(code),
});
const clock = systemClock;
const limits = defaultLimits;

const openCloud = (side: SideReference) => openEc2(side, process.env);

function openClouds({ source, destination }: CopyRequest): Clouds {
  return { source: openCloud(source), destination: openCloud(destination) };
}

function newProgress() {
  return createProgress({ log, quiet: Boolean(process.env.CI), now: () => performance.now() });
}

async function contextFor(request: CopyRequest, report: RunContext["report"]): Promise<RunContext> {
  const template = (side: HelperSide) =>
    readFile(new URL(`../agent/${side}.sh`, import.meta.url), "utf8");
  const userDataTemplates = {
    source: await template("source"),
    destination: await template("destination"),
  };
  const clouds = openClouds(request);
  return { clouds, signal: cancellation.signal, report, userDataTemplates, clock, limits };
}

const runs = createSharedRuns({
  newProgress,
  cancellation,
  copy: async (request, run, report) => copyImage(request, run, await contextFor(request, report)),
});

const parts: ProviderParts = {
  openCloud,
  tagsOf: (runId) => ({ [Tag.run]: runId }),
  newRunId: () => randomBytes(8).toString("hex"),
  preflight: (request) => preflight(request, openClouds(request)),
  runs,
  observeImage,
  async restoreImage(facts, { request, run, progressUrn }) {
    const progress = newProgress();
    progress.attach("image", progressUrn);
    const context = await contextFor(request, progress.report);
    return cancellation.guard(restoreImage(facts, request, run, context));
  },
  updateImage,
  removeImage,
  sweepRun: (run, cloud, side) =>
    cancellation.guard(sweepRun(run, cloud, side, { clock, limits, signal: cancellation.signal })),
  log,
  clock,
  limits,
};

/** Names in the stub: never to be renamed. */
export const copyRun: dynamic.ResourceProvider = createCopyRunProvider(parts);
export const helperInstance: dynamic.ResourceProvider = createHelperInstanceProvider(parts);
export const copiedImage: dynamic.ResourceProvider = createCopiedImageProvider(parts);
