/**
 * `amicopy sweep`: shows what any run has left in a region and why it may go, then ends it. Standard
 * output carries the plan and what was ended, standard error what is being done.
 */

import { openEc2 } from "../dynamic-providers/ec2/open-ec2.ts";
import { printable } from "../dynamic-providers/printable.ts";
import { isCopyError } from "../dynamic-providers/workflow/copy-error.ts";
import { defaultLimits, type Limits } from "../dynamic-providers/workflow/limits.ts";
import { formatSpan } from "../dynamic-providers/workflow/plan-sweep.ts";
import { systemClock } from "../dynamic-providers/workflow/run-context.ts";
import { lookAtRegion, sweepPlannedRun } from "../dynamic-providers/workflow/sweep-region.ts";
import type { SweepCommand } from "./sweep-command.ts";
import { countThings, formatPlan } from "./sweep-report.ts";

export interface SweepTerminal {
  readonly environment: NodeJS.ProcessEnv;
  readonly out: (text: string) => void;
  readonly err: (text: string) => void;
  /** Aborted: the step at hand is the last. */
  readonly signal: AbortSignal;
  /** @default those of a copy */
  readonly limits?: Limits;
}

/** @returns The exit code: 1 when something that was to be ended is still there. */
export async function sweep(command: SweepCommand, terminal: SweepTerminal): Promise<number> {
  const { environment, out, err, signal, limits = defaultLimits } = terminal;
  const { region, profile } = command;
  const cloud = openEc2({ region, ...(profile !== undefined && { profile }) }, environment);
  // Leases are times: by AWS's clock, not by one that may be wrong by a day.
  const clock = { ...systemClock, now: () => systemClock.now() + cloud.clockBehindMs() };
  const waiting = { clock, limits, signal };
  const request = { ...command, report: (text: string) => err(`${text}\n`) };

  const { accountId, partition } = await cloud.callerIdentity();
  err(`account ${accountId} (${partition}), ${region}\n`);
  const wrongMs = Math.abs(cloud.clockBehindMs());
  if (wrongMs > 0) {
    const way = cloud.clockBehindMs() > 0 ? "behind" : "ahead of";
    err(`this computer's clock is ${formatSpan(wrongMs)} ${way} AWS's, whose time is taken\n`);
  }
  const plan = await lookAtRegion(cloud, waiting, request);
  out(formatPlan(plan));
  const runs = plan.runs.filter(({ end }) => end);
  const all = [...plan.strangers, ...plan.runs.flatMap(({ things }) => things)];
  const toEnd = all.filter(({ end }) => end).length;
  if (command.dryRun || toEnd === 0) {
    const would = command.dryRun ? `${countThings(toEnd)} would be ended` : "nothing to end";
    out(`${all.length > 0 ? "\n" : ""}${would}, ${all.length - toEnd} kept\n`);
    return 0;
  }

  let ended = 0;
  let failures = 0;
  out("\n");
  for (const run of runs) {
    err(`ending run ${run.runId}\n`);
    try {
      const removed = await sweepPlannedRun(cloud, waiting, run, request);
      if (removed === undefined) out(`run ${run.runId}: kept, it has come to life\n`);
      else out(removed.map((name) => `ended ${name}\n`).join(""));
      ended += removed?.length ?? 0;
    } catch (error) {
      if (signal.aborted) throw error;
      failures += 1;
      err(`run ${run.runId}: ${messageOf(error)}\n`);
    }
  }
  out(`${countThings(ended)} ended, ${all.length - toEnd} kept\n`);
  if (failures > 0) err("Something could not be ended: run this again.\n");
  return failures > 0 ? 1 : 0;
}

/** With what to do next, where that is known. Hints to a refusal of AWS speak of `pulumi up`. */
export function messageOf(error: unknown): string {
  const message = printable(error instanceof Error ? error.message : String(error));
  if (!isCopyError(error) || error.hint === undefined || error.code === "cloud") return message;
  return `${message}. ${error.hint}`;
}
