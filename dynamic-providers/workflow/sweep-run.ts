/**
 * Ends and deletes by tag whatever a run has left on one side. An image that a stack owns and its
 * snapshots are never touched: its row deletes them, or was let go to keep them.
 */

import { randomBytes } from "node:crypto";
import { type HelperSide, Role, Tag } from "../../agent/contract.ts";
import { isCloudError } from "../ec2/cloud-error.ts";
import type { Ec2 } from "../ec2/ec2.ts";
import type { SecurityGroup } from "../ec2/network.ts";
import type { Tags } from "../ec2/tags.ts";
import { checkAccount } from "./check-account.ts";
import { attemptOf, deleteGroup } from "./claim-attempt.ts";
import { CopyError } from "./copy-error.ts";
import type { RunIdentity } from "./copy-request.ts";
import { endLeftovers } from "./end-leftovers.ts";
import { inStep } from "./run.ts";
import { takeOver } from "./take-over.ts";
import type { Waiting } from "./wait-until.ts";
import { rowTags } from "./yield-to-newer.ts";

const STEP = "sweep-run";

/** Rounds of "end, wait, look again" against a process that is still alive. */
const ROUNDS = 6;

/**
 * Claims the run's next attempt where there are signs of another process, so that it stops; ends
 * everything; looks again after that process had the time to notice.
 *
 * @returns What was removed: `instance i-0ab`.
 */
export async function sweepRun(
  identity: RunIdentity,
  cloud: Ec2,
  side: HelperSide,
  options: Waiting,
  // Rows are deleted in this order: image, then run. An image whose row never was in the state,
  // finished though it is, has nobody else to delete it.
  sparing: Sparing = { endsUnowned: true },
): Promise<readonly string[]> {
  return inStep(options, STEP, async () => {
    await checkAccount(cloud, identity[side]);
    // Another `pulumi` beside the one that began this run may have finished before this run had claimed.
    if (sparing.endsUnowned && side === "destination") await takeOver(identity, cloud);
    return sweepLeftovers(identity.runId, cloud, options, sparing);
  });
}

export interface Sparing {
  /** Ids of what stays, besides claimed images and their snapshots. */
  readonly spared?: ReadonlySet<string>;
  /** Of the claimed images only those stay that a stack owns. */
  readonly endsUnowned?: boolean;
}

/** The same for whoever knows only the run's id and has looked whose account this is. */
export async function sweepLeftovers(
  runId: string,
  cloud: Ec2,
  options: Waiting,
  sparing: Sparing = {},
): Promise<readonly string[]> {
  const claim = await claimAgainst(options, cloud, runId);
  try {
    return await sweep(options, cloud, { runId, ...sparing }, claim);
  } finally {
    if (claim !== undefined) await deleteGroup(options, cloud, claim.groupId);
  }
}

interface SweepClaim {
  readonly groupId: string;
  readonly attempt: number;
}

async function sweep(
  options: Waiting,
  cloud: Ec2,
  what: Sparing & { readonly runId: string },
  claim: SweepClaim | undefined,
): Promise<string[]> {
  const { runId } = what;
  const rule = {
    ...what,
    keepAdoptable: false,
    concerns: (tags: Tags) => claim === undefined || attemptOf(tags) !== claim.attempt,
  };
  const removed: string[] = [];
  for (let round = 1; round <= ROUNDS; round++) {
    const found = await endLeftovers(options, cloud, rule);
    removed.push(...found);
    const mayLive = claim !== undefined && round === 1;
    if (found.length === 0 && !mayLive) return removed;
    if (claim === undefined) return removed;
    await options.clock.sleep(options.limits.orphanNoticeMs, options.signal);
  }
  throw new CopyError(`something goes on creating things of run ${runId} in ${cloud.region}`, {
    code: "superseded",
    step: STEP,
    hint: "End the other `pulumi` process, then run again.",
  });
}

/** @returns `undefined` when no claim of the run is there, so that nobody can be at work. */
async function claimAgainst(
  { clock, limits }: Waiting,
  cloud: Ec2,
  runId: string,
): Promise<SweepClaim | undefined> {
  const groups = await cloud.describeSecurityGroups({ tags: { [Tag.run]: runId } });
  const [newest] = groups.toSorted((a, b) => attemptOf(b.tags) - attemptOf(a.tags));
  if (newest === undefined) return undefined;
  const attempt = attemptOf(newest.tags) + 1;
  return claimIn(cloud, newest, {
    runId,
    attempt,
    expires: new Date(clock.now() + cloud.clockBehindMs() + limits.expiryMarginMs).toISOString(),
  });
}

async function claimIn(
  cloud: Ec2,
  { vpcId, tags: { [Tag.stackRow]: row, [Tag.begun]: begun = "" } }: SecurityGroup,
  { runId, attempt, expires }: { runId: string; attempt: number; expires: string },
): Promise<SweepClaim> {
  const name = `amicopy-${runId}-${attempt}`;
  try {
    const groupId = await cloud.createSecurityGroup({
      name,
      description: `amicopy run ${runId} attempt ${attempt} sweep ${randomBytes(8).toString("hex")}`,
      vpcId,
      tags: {
        // Whoever is at work looks for its whole row.
        ...rowTags({ runId, row, begun }),
        [Tag.run]: runId,
        [Tag.role]: Role.securityGroup,
        [Tag.expires]: expires,
        [Tag.attempt]: String(attempt),
        Name: `amicopy-sweep-${runId}`,
      },
    });
    return { groupId, attempt };
  } catch (error) {
    if (!isCloudError(error, "duplicate")) throw error;
    throw new CopyError(`another process has just claimed run ${runId} in ${cloud.region}`, {
      code: "superseded",
      step: STEP,
      ids: [name],
      hint: "Let it end, then run again.",
      cause: error,
    });
  }
}
