/**
 * The report of a copy that is not made: what `pulumi up` would find out first, for a program that
 * wants to know. Looks at both sides and changes nothing.
 */

import type { Unwrap } from "@pulumi/pulumi";
import type { CopyRequestArgs } from "./copy-request-args.ts";
import { openEc2 } from "./ec2/open-ec2.ts";
import { checkRequest } from "./inputs.ts";
import { isUnknown } from "./unknown-value.ts";
import { userDataTemplates } from "./user-data-template.ts";
import type { CopyRequest, FidelityLine } from "./workflow/copy-request.ts";
import type { Estimate } from "./workflow/estimate.ts";
import { defaultLimits } from "./workflow/limits.ts";
import type { Problem } from "./workflow/preflight/problem.ts";
import { preflight } from "./workflow/preflight.ts";

/** The arguments of a `CopiedAmi` as plain values; outputs of other resources by `pulumi.output(args).apply(planCopy)`. */
export type CopyPlanArgs = Unwrap<CopyRequestArgs>;

export interface CopyPlan {
  /** What stands in the way, all of it; empty: nothing that can be known before. */
  readonly problems: readonly Problem[];
  /** What the copy will have of its source; empty when that could not be read. */
  readonly fidelity: readonly FidelityLine[];
  /** GiB to read and to send, helper-hours, time and what bounds it; absent when a problem hides them. */
  readonly estimate?: Estimate;
  /** What no call tells beforehand, and what could not be asked. */
  readonly notChecked: readonly string[];
}

const NOT_CHECKED = [
  "quotas of snapshots, images and security groups: counting them takes too many calls",
  "types of volumes that the destination's region lacks and a dry run lets pass: the registration tells",
  "whether a zone has room for the helpers' types at that moment",
  "rights to change what does not exist yet, and the policies of KMS keys",
  "firewalls and network ACLs between the two sides",
] as const;

/** @param environment - Where credentials are looked for, as `pulumi up` does. */
export async function planCopy(
  args: CopyPlanArgs,
  environment: NodeJS.ProcessEnv = process.env,
): Promise<CopyPlan> {
  const { request, problems } = checkRequest(args);
  const inArguments = [...problems, ...unknownParts(request)];
  if (inArguments.length > 0) {
    return { problems: inArguments.map(toProblem), fidelity: [], notChecked: NOT_CHECKED };
  }
  const checked = request as CopyRequest;
  const clouds = {
    source: openEc2(checked.source, environment),
    destination: openEc2(checked.destination, environment),
  };
  const launch = { userDataTemplates: await userDataTemplates(), limits: defaultLimits };
  const report = await preflight(checked, clouds, undefined, { triesRights: true, launch });
  return {
    problems: report.problems,
    fidelity: report.fidelity ?? [],
    ...(report.estimate !== undefined && { estimate: report.estimate }),
    notChecked: [...NOT_CHECKED, ...(report.notAsked ?? [])],
  };
}

function unknownParts(request: unknown): string[] {
  return isUnknown(request) ? ["arguments: a part of them is not known yet"] : [];
}

function toProblem(sentence: string): Problem {
  const [, property = "", message = sentence] = /^([\w.[\]"]+): (.*)$/s.exec(sentence) ?? [];
  return { property, message: `${message}.`, hint: "Correct the argument." };
}
