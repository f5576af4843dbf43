/**
 * Needs: introduced helpers.  Makes: destination volumes equal to the source's, with the digests of
 * both sides as proof.  Undoes: nothing.
 */

import { CopyError } from "./copy-error.ts";
import { formatProgress } from "./format-progress.ts";
import { type HelperConsole, moreTelling } from "./helper-console.ts";
import type { Run } from "./run.ts";
import { formatLimit, type Waiting, waitUntil } from "./wait-until.ts";

const STEP = "transfer";

/** As in the engine, which gives its peer so long for a proof (tsunami/sealed/limits.ts). */
const PROOF_BYTES_PER_MS = 16 << 10;

type Watching = Waiting & Pick<Run, "request" | "report">;

export interface Transferred {
  /** By index of the job's disks. */
  readonly digests: readonly string[];
  readonly bytesRead: number;
  readonly bytesSent: number;
  readonly bytesResent: number;
}

/** @throws CopyError `helper-failed`, `helper-lost` or `digest-mismatch`. */
export async function transfer(
  run: Watching,
  source: HelperConsole,
  destination: HelperConsole,
  volumeNames: readonly string[],
): Promise<Transferred> {
  const consoles = [source, destination];
  for (const console of consoles) console.heardAtMs = run.clock.now();
  const finished = await waitUntil(
    run,
    {
      step: STEP,
      what: "the transfer",
      // The run's own timeout ends it, and a silent helper does.
      limitMs: run.request.timeoutMinutes * 60_000,
      ids: consoles.map(({ helper }) => helper.instance.instanceId),
      longestPauseMs: run.limits.transferPollMs,
    },
    () => look(run, consoles, volumeNames.length),
  );
  const digests = volumeNames.map((name, index) => sameDigest(name, index, source, destination));
  const { bytesRead, bytesSent, bytesResent } = finished;
  return { digests, bytesRead, bytesSent, bytesResent };
}

/** @returns What the sender has counted, when both are done. */
async function look(run: Watching, consoles: readonly HelperConsole[], volumeCount: number) {
  try {
    for (const console of consoles) {
      await console.listen(run.clock.now());
      if (!isDone(console, volumeCount)) await console.check();
    }
    // Last: one that is silent may only be waiting for the other, which has failed or is gone.
    for (const console of consoles) if (!isDone(console, volumeCount)) checkSilence(run, console);
  } catch (error) {
    throw await moreTelling(error, consoles);
  }
  report(run, consoles);
  const [source] = consoles;
  return consoles.every((console) => isDone(console, volumeCount)) ? source?.done : undefined;
}

function isDone({ done, digests }: HelperConsole, volumeCount: number): boolean {
  return done !== undefined && digests.size >= volumeCount;
}

function checkSilence(run: Watching, console: HelperConsole): void {
  const limitMs =
    console.progress === undefined
      ? run.limits.introductionMs
      : run.limits.silenceMs + proofMs(console.progress);
  if (run.clock.now() - console.heardAtMs < limitMs) return;
  const about = console.progress === undefined ? "has not begun to copy" : "has said nothing new";
  throw new CopyError(`the ${console.name} ${about} for ${formatLimit(limitMs)}${console.tail()}`, {
    code: "helper-lost",
    step: STEP,
    ids: [console.helper.instance.instanceId],
  });
}

/** When all is written, the destination may still read back what it wrote, and has nothing to tell. */
function proofMs({ bytesDone, bytesTotal }: NonNullable<HelperConsole["progress"]>): number {
  return bytesDone < bytesTotal ? 0 : bytesTotal / PROOF_BYTES_PER_MS;
}

function report(run: Watching, consoles: readonly HelperConsole[]): void {
  // What counts is what the destination has confirmed; it may be the source that tells it sooner.
  const best = consoles
    .flatMap(({ progress }) => progress ?? [])
    .sort((a, b) => b.bytesDone - a.bytesDone)[0];
  if (best !== undefined) run.report("image", `copying ${formatProgress(best)}`);
  for (const { helper, done, progress } of consoles) {
    const verb = helper.side === "source" ? "sending" : "receiving";
    if (done !== undefined) run.report(helper.side, "all volumes done");
    else if (progress !== undefined) run.report(helper.side, `${verb} ${formatProgress(progress)}`);
  }
}

function sameDigest(
  name: string,
  index: number,
  source: HelperConsole,
  destination: HelperConsole,
): string {
  const [sent, received] = [source.digests.get(index), destination.digests.get(index)];
  if (sent !== undefined && sent === received) return sent;
  throw new CopyError(
    `the copy of ${name} differs from it: digest ${sent} at the source, ${received} at the destination`,
    {
      code: "digest-mismatch",
      step: STEP,
      ids: [name],
      hint: "Nothing was registered. Run `pulumi up` again.",
    },
  );
}
