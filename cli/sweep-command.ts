/** The command line of `amicopy sweep`, read and checked before anything is done. */

import { RUN_ID_PATTERN } from "../agent/contract.ts";
import { parseArguments, UsageError } from "./usage-error.ts";

export const SWEEP_USAGE = `amicopy sweep: lists and ends what any run of amicopy has left in a region, by its tags

npx amicopy sweep --region REGION [--profile PROFILE] [--run RUN]
                  [--older-than DURATION] [--dry-run] [--force]
    --region      where to look; a run may have left something in both of its regions
    --profile     a profile of your AWS configuration; default: as the AWS SDK finds credentials
    --run         only this run: 16 hex digits, the value of the tag amicopy:run
    --older-than  only runs whose lease ended at least this long ago: 90m, 2h, 3d
    --dry-run     only lists
    --force       also runs whose lease has not ended. A copy that is at work fails

Never ended: an image that belongs to a stack (tag amicopy:claimed), and its snapshots.
A lease ends at the time in the tag amicopy:expires, an hour after the copy's timeoutMinutes.
Exit codes: 0 done, 1 something could not be ended, 2 wrongly asked.
`;

export interface SweepCommand {
  readonly region: string;
  readonly profile?: string;
  readonly runId?: string;
  readonly olderThanMs: number;
  readonly dryRun: boolean;
  readonly force: boolean;
}

/**
 * @param args - What follows `sweep`.
 * @throws UsageError
 */
export function readSweepCommand(args: readonly string[]): SweepCommand | "help" {
  const { values } = parseArguments({
    args: [...args],
    options: {
      region: { type: "string" },
      profile: { type: "string" },
      run: { type: "string" },
      "older-than": { type: "string" },
      "dry-run": { type: "boolean", default: false },
      force: { type: "boolean", default: false },
      help: { type: "boolean", short: "h", default: false },
    },
  });
  if (values.help) return "help";
  const { region, profile, run, "older-than": olderThan, force } = values;
  if (region === undefined) throw new UsageError("--region is missing, e.g. --region us-east-1");
  if (!/^[a-z]{2,4}(-[a-z]{2,12}){1,3}-\d{1,2}$/.test(region)) {
    throw new UsageError("--region is a region's name, e.g. us-gov-west-1");
  }
  if (profile === "") throw new UsageError("--profile is empty");
  if (run !== undefined && !RUN_ID_PATTERN.test(run)) {
    throw new UsageError("--run is 16 hex digits, the value of the tag amicopy:run");
  }
  if (force && olderThan !== undefined) {
    throw new UsageError(
      "--force is for leases that have not ended, --older-than for those that have: give one",
    );
  }
  return {
    region,
    ...(profile !== undefined && { profile }),
    ...(run !== undefined && { runId: run }),
    olderThanMs: olderThan === undefined ? 0 : readDuration(olderThan),
    dryRun: values["dry-run"],
    force,
  };
}

const UNITS_MS: Readonly<Record<string, number>> = {
  s: 1000,
  m: 60_000,
  h: 3_600_000,
  d: 86_400_000,
};

function readDuration(text: string): number {
  const [, count = "", unit = ""] = /^(\d{1,6})([smhd])$/.exec(text) ?? [];
  const unitMs = UNITS_MS[unit];
  if (unitMs === undefined) {
    throw new UsageError("--older-than is a number and s, m, h or d, e.g. 90m or 2h");
  }
  return Number(count) * unitMs;
}
