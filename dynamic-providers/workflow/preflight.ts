/** What can be known to go wrong before anything is created, all of it at once. */

import type { Image } from "../ec2/image.ts";
import type {
  CopyRequest,
  FidelityLine,
  NewRun,
  RunIdentity,
  SideIdentity,
} from "./copy-request.ts";
import { describeSource, type SourceImage } from "./describe-source.ts";
import { type Estimate, estimateCopy } from "./estimate.ts";
import { judgeFidelity } from "./fidelity.ts";
import { listenerOf } from "./find-reach.ts";
import { VOLUME_PERFORMANCE } from "./launch-helper.ts";
import { checkAllowed } from "./preflight/check-allowed.ts";
import { checkCredentials } from "./preflight/check-credentials.ts";
import { checkFidelity } from "./preflight/check-fidelity.ts";
import { checkJob } from "./preflight/check-job.ts";
import { checkLicense, type LicenseCheck, missingDonor } from "./preflight/check-license.ts";
import { inheritedName } from "./preflight/check-name.ts";
import { checkPublic } from "./preflight/check-public.ts";
import { checkQuotas, type QuotaCheck } from "./preflight/check-quotas.ts";
import { checkRights } from "./preflight/check-rights.ts";
import { checkSharing } from "./preflight/check-sharing.ts";
import {
  destinationChecks,
  helperChecks,
  sideChecks,
  sourceChecks,
} from "./preflight/check-sides.ts";
import { isImageId } from "./preflight/check-source-image.ts";
import { enterSide } from "./preflight/enter-side.ts";
import {
  bestOf,
  choicesOf,
  findHelper,
  type Helpers,
  reachesOf,
} from "./preflight/find-helpers.ts";
import { type Problem, problemFrom, sentences } from "./preflight/problem.ts";
import { type NeedsSubject, quotaNeeds } from "./quota-needs.ts";
import type { Clouds, RunContext } from "./run-context.ts";
import { volumesToCopy } from "./volumes-to-copy.ts";

export interface PreflightReport {
  /** Empty: nothing known stands in the way. */
  readonly problems: readonly Problem[];
  /** Where both sides really are; absent when one could not be entered. */
  readonly identity?: Pick<RunIdentity, "source" | "destination">;
  /** As `Ec2.clockBehindMs` of the destination. */
  readonly clockBehindMs?: number;
  /** What the copy will have of its source; absent when that could not be read. */
  readonly fidelity?: readonly FidelityLine[];
  /** Absent: the source or a helper is not known, which is a problem. */
  readonly estimate?: Estimate;
  /** The image that will lend its licence; absent: none is needed, or there is none. */
  readonly donor?: Image;
  /** What could not be asked, and why: no problem by itself. */
  readonly notAsked?: readonly string[];
}

export interface PreflightOptions {
  /** Whether the rights are tried by dry runs; a copy does not, since its first calls tell the same. */
  readonly triesRights?: boolean;
  /** The run that is to be made, when none is going to be continued. */
  readonly begins?: NewRun;
  /** With what the helpers will be launched; absent: whether it fits is not looked at. */
  readonly launch?: Pick<RunContext, "userDataTemplates" | "limits">;
}

/**
 * Looks and never changes anything. Does not throw for what a person can repair.
 *
 * @param previous - The run that is going to be continued: its own leftovers are no problem, and
 *   its accounts must still be those of the credentials.
 */
export async function preflight(
  request: CopyRequest,
  clouds: Clouds,
  previous?: RunIdentity,
  options: PreflightOptions = {},
): Promise<PreflightReport> {
  const run = previous ?? options.begins;
  const [source, destination] = await Promise.all([
    enterSide("source", request.source, clouds.source, previous?.source),
    enterSide("destination", request.destination, clouds.destination, previous?.destination),
  ]);
  const entered = { source: identityOf(source), destination: identityOf(destination) };
  const look = lookAtSource(request, clouds, entered.source);
  // Each check that needs it reports its failure; without one nobody would.
  look.catch(() => undefined);
  const helpers = {
    source: findHelper("source", request, clouds, entered.source && look),
    destination: findHelper("destination", request, clouds, entered.destination && look),
  };
  const groups = await Promise.all([
    problemOf(source),
    problemOf(destination),
    entered.source && sourceChecks(request, clouds, entered.source, look),
    helperChecks(request, helpers),
    entered.source && sideChecks("source", request, clouds, helpers, look),
    entered.destination && sideChecks("destination", request, clouds, helpers, look),
    entered.destination && destinationChecks(request, clouds, run, { look, helpers }),
  ]);
  const problems = groups.flatMap((group) => group ?? []);
  if (entered.source === undefined || entered.destination === undefined) return { problems };
  const identity = { source: entered.source, destination: entered.destination };
  const found = await look.catch(() => undefined);
  if (found === undefined) return { problems, identity };
  const { problems: licensing, ...license } = await checkLicense(
    request,
    found.image,
    clouds.destination,
  ).catch((error): LicenseCheck => ({ problems: [problemFrom("destination", error)] }));
  const subject = { request, source: found, ...license };
  // Whether that can be asked at all say the checks of the destination.
  const name = await inheritedName(found.image.name, clouds.destination, run).catch(
    () => found.image.name,
  );
  const fidelity = judgeFidelity({ ...subject, route: identity, name, nowMs: Date.now() });
  const sharing = await sentences("destination", () =>
    checkSharing(request, found, identity, clouds.destination),
  );
  const estimate = await expected(found, helpers);
  const quotas = await quotaChecks({ ...subject, route: identity }, clouds, helpers, previous);
  const more = [
    await sentences("destination", () =>
      checkAllowed("destination", missingDonor(request, found.image, license), clouds.destination),
    ),
    await sentences("destination", () => checkPublic(request, found, identity, clouds.destination)),
    checkCredentials(
      {
        source: clouds.source.credentialsEnd(),
        destination: clouds.destination.credentialsEnd(),
      },
      estimate?.seconds,
      Date.now(),
    ),
    quotas.problems,
    await jobChecks(request, found, helpers, { ...options, runId: previous?.runId }),
    options.triesRights === true ? await rightsChecks(request, clouds, helpers) : [],
  ].flat();
  return {
    problems: [
      ...problems,
      ...licensing,
      ...sharing,
      ...checkFidelity(request.strict, fidelity),
      ...more,
    ],
    identity,
    clockBehindMs: clouds.destination.clockBehindMs(),
    fidelity,
    ...license,
    ...(estimate !== undefined && { estimate }),
    ...(quotas.notAsked.length > 0 && { notAsked: quotas.notAsked }),
  };
}

async function lookAtSource(
  { sourceAmiId }: CopyRequest,
  clouds: Clouds,
  entered: SideIdentity | undefined,
): Promise<SourceImage | undefined> {
  if (entered === undefined || !isImageId(sourceAmiId)) return undefined;
  return describeSource(clouds.source, sourceAmiId, entered.accountId);
}

async function rightsChecks(
  request: CopyRequest,
  clouds: Clouds,
  helpers: Helpers,
): Promise<Problem[]> {
  const groups = (["source", "destination"] as const).map((side) =>
    sentences(side, async () =>
      checkRights(side, request, clouds[side], bestOf(await helpers[side].catch(() => undefined))),
    ),
  );
  return (await Promise.all(groups)).flat();
}

/**
 * Asked when a run is made, and not again when it is continued: what an older attempt has finished
 * needs no room, what it has left takes some, and the calls tell.
 */
async function quotaChecks(
  subject: Omit<NeedsSubject, "choices">,
  clouds: Clouds,
  helpers: Helpers,
  previous: RunIdentity | undefined,
): Promise<QuotaCheck> {
  if (previous !== undefined) return { problems: [], notAsked: [] };
  const [source, destination] = await Promise.all(
    [helpers.source, helpers.destination].map((found) => found.then(choicesOf, () => [])),
  );
  const choices = { source: source ?? [], destination: destination ?? [] };
  const needs = quotaNeeds({ ...subject, choices });
  const checks = await Promise.all(needs.map((one) => checkQuotas(one, clouds[one.side])));
  return {
    problems: checks.flatMap(({ problems }) => problems),
    notAsked: checks.flatMap(({ notAsked }) => notAsked),
  };
}

async function jobChecks(
  request: CopyRequest,
  found: SourceImage,
  helpers: Helpers,
  { launch, runId }: PreflightOptions & { readonly runId: string | undefined },
): Promise<Problem[]> {
  if (launch === undefined) return [];
  const [source, destination] = await reachesOf(helpers);
  // Without a helper there is no job, and the problem is another.
  if (source === undefined || destination === undefined) return [];
  const listener = listenerOf(source, destination);
  const volumes = volumesToCopy(found);
  return (["source", "destination"] as const).flatMap((side) =>
    checkJob(request, { side, volumes, listens: side === listener, runId }, launch),
  );
}

async function expected(source: SourceImage, helpers: Helpers): Promise<Estimate | undefined> {
  const sides = [helpers.source, helpers.destination].map((found) =>
    found.then(bestOf, () => undefined),
  );
  const [from, to] = await Promise.all(sides);
  if (from === undefined || to === undefined) return undefined;
  const { throughputMibps } = VOLUME_PERFORMANCE;
  const volumes = volumesToCopy(source).map((volume) => ({ ...volume, throughputMibps }));
  return estimateCopy({ volumes, source: from.type, destination: to.type });
}

type EnterResult = Awaited<ReturnType<typeof enterSide>>;

function identityOf(result: EnterResult): SideIdentity | undefined {
  return "identity" in result ? result.identity : undefined;
}

function problemOf(result: EnterResult): Problem[] {
  return "problem" in result ? [result.problem] : [];
}
