/** What can be known to go wrong before anything is created, all of it at once. */

import { isCloudError } from "../ec2/cloud-error.ts";
import type { CopyRequest, RunIdentity, SideIdentity } from "./copy-request.ts";
import { describeSource, type SourceImage } from "./describe-source.ts";
import { checkHelper } from "./preflight/check-helper.ts";
import { checkName } from "./preflight/check-name.ts";
import { checkSnapshots } from "./preflight/check-snapshots.ts";
import { checkSourceImage, isImageId } from "./preflight/check-source-image.ts";
import { checkTags } from "./preflight/check-tags.ts";
import { enterSide } from "./preflight/enter-side.ts";
import type { Clouds } from "./run-context.ts";

/** One thing that stands in the way of a copy. */
export interface Problem {
  /** Path of the argument to change: `source.region`. */
  readonly property: string;
  /** What is wrong, with the ids involved: one sentence. */
  readonly message: string;
  /** What to do: one sentence. */
  readonly hint: string;
}

export interface PreflightReport {
  /** Empty: nothing known stands in the way. */
  readonly problems: readonly Problem[];
  /** Where both sides really are; absent when one could not be entered. */
  readonly identity?: Omit<RunIdentity, "runId">;
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
): Promise<PreflightReport> {
  const [source, destination] = await Promise.all([
    enterSide("source", request.source, clouds.source, previous?.source),
    enterSide("destination", request.destination, clouds.destination, previous?.destination),
  ]);
  const entered = { source: identityOf(source), destination: identityOf(destination) };
  const groups = await Promise.all([
    problemOf(source),
    problemOf(destination),
    ...checks(request, clouds, entered, previous),
  ]);
  const problems = groups.flat();
  if (entered.source === undefined || entered.destination === undefined) return { problems };
  const identity = { source: entered.source, destination: entered.destination };
  return { problems, identity };
}

type Entered = { [side in "source" | "destination"]: SideIdentity | undefined };

/** What can be asked of the sides that could be entered. */
function checks(
  request: CopyRequest,
  clouds: Clouds,
  entered: Entered,
  previous: RunIdentity | undefined,
): Promise<Problem[]>[] {
  const started: Promise<Problem[]>[] = [];
  const look =
    entered.source === undefined || !isImageId(request.sourceAmiId)
      ? Promise.resolve(undefined)
      : describeSource(clouds.source, request.sourceAmiId);
  // Each check that needs it reports its failure; without one nobody would.
  look.catch(() => undefined);
  if (entered.source !== undefined) {
    const { accountId } = entered.source;
    started.push(
      sentences("source", async () => {
        const source = await look;
        const { region } = clouds.source;
        return [
          ...checkSourceImage(request.sourceAmiId, source?.image, { region, accountId }),
          ...checkSnapshots(request.sourceAmiId, source, { region, accountId }),
          ...checkTags(request, source?.image.tags ?? {}),
        ];
      }),
    );
  }
  for (const side of ["source", "destination"] as const) {
    if (entered[side] === undefined) continue;
    started.push(
      sentences(side, async () =>
        checkHelper(side, request, clouds[side], volumeCount(await look)),
      ),
    );
  }
  if (entered.destination !== undefined) {
    started.push(
      sentences("destination", () => checkName(request.name, clouds.destination, previous)),
    );
  }
  return started;
}

/** One at least: also before the source is known a helper needs a place for a volume. */
function volumeCount(source: SourceImage | undefined): number {
  return Math.max(1, (source?.volumes.length ?? 0) + (source?.unreadable.length ?? 0));
}

/** A check that AWS does not answer is a problem of that side as well. */
async function sentences(
  side: "source" | "destination",
  check: () => Promise<Problem[]>,
): Promise<Problem[]> {
  try {
    return await check();
  } catch (error) {
    if (!isCloudError(error)) throw error;
    const hint =
      error.kind === "denied"
        ? `Allow ec2:${error.operation} to the identity of this side.`
        : "Run again when AWS answers.";
    return [{ property: side, message: `${error.message}.`, hint }];
  }
}

type EnterResult = Awaited<ReturnType<typeof enterSide>>;

function identityOf(result: EnterResult): SideIdentity | undefined {
  return "identity" in result ? result.identity : undefined;
}

async function problemOf(result: EnterResult): Promise<Problem[]> {
  return "problem" in result ? [result.problem] : [];
}
