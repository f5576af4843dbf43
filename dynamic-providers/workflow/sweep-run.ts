import type { HelperSide } from "../../agent/contract.ts";
import type { Ec2 } from "../ec2/ec2.ts";
import type { RunIdentity } from "./copy-request.ts";
import type { Limits } from "./limits.ts";
import type { Clock } from "./run-context.ts";

/**
 * Ends and deletes by tag whatever a run has left on one side. A claimed image and its snapshots are
 * never touched.
 *
 * @returns Ids of what was removed.
 */
export function sweepRun(
  _identity: RunIdentity,
  _cloud: Ec2,
  _side: HelperSide,
  _options: { readonly clock: Clock; readonly limits: Limits; readonly signal: AbortSignal },
): Promise<readonly string[]> {
  throw new Error("written next");
}
