/**
 * The rendezvous of a run's three rows. Pulumi calls the create (or update) of both helpers and of
 * the image on their own, all in this one process: whichever comes first starts the workflow, the
 * others join it and take their part of its result. With `--parallel 1` they come one after the
 * other: the first does it all and the others find it done. So nobody ever waits for a row that has
 * not come, and there is no deadlock either way.
 */

import type { Cancellation } from "./cancellation.ts";
import type { Progress } from "./progress.ts";
import type { CopyRequest, CopyResult, ProgressRow, RunIdentity } from "./workflow/copy-request.ts";

export type RunOutcome =
  | { readonly kind: "complete"; readonly result: CopyResult }
  | { readonly kind: "failed"; readonly error: unknown };

export interface RunTicket {
  readonly row: ProgressRow;
  readonly progressUrn: string;
  readonly request: CopyRequest;
  readonly run: RunIdentity;
}

export interface SharedRuns {
  /** Runs the workflow, or joins it. Never rejects: the image's row tells a failure, once. */
  join(ticket: RunTicket): Promise<RunOutcome>;
  /** How the run that this process has done ended; `undefined` when it has done none of that id. */
  outcomeOf(runId: string): Promise<RunOutcome> | undefined;
}

export interface SharedRunsParts {
  readonly copy: (
    request: CopyRequest,
    run: RunIdentity,
    report: Progress["report"],
  ) => Promise<CopyResult>;
  readonly newProgress: () => Progress;
  readonly cancellation: Cancellation;
}

interface Run {
  readonly progress: Progress;
  readonly outcome: Promise<RunOutcome>;
}

export function createSharedRuns(parts: SharedRunsParts): SharedRuns {
  // An operation touches a run once, and the process ends with it: an entry is never taken out.
  const runs = new Map<string, Run>();
  return {
    join({ row, progressUrn, request, run }) {
      const joined = runs.get(run.runId);
      if (joined !== undefined) {
        joined.progress.attach(row, progressUrn);
        return joined.outcome;
      }
      const progress = parts.newProgress();
      progress.attach(row, progressUrn);
      const outcome = parts.cancellation.guard(lead(parts, request, run, progress));
      runs.set(run.runId, { progress, outcome });
      return outcome;
    },
    outcomeOf: (runId) => runs.get(runId)?.outcome,
  };
}

async function lead(
  parts: SharedRunsParts,
  request: CopyRequest,
  run: RunIdentity,
  progress: Progress,
): Promise<RunOutcome> {
  try {
    const result = await parts.copy(request, run, progress.report);
    progress.summarize(result);
    return { kind: "complete", result };
  } catch (error) {
    return { kind: "failed", error };
  }
}
