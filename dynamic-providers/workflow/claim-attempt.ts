/**
 * Needs: the VPCs of both helpers.  Makes: a security group in each, named after run and attempt.
 * Undoes: both groups, always.
 *
 * The fence. Group names are unique in a VPC, so that making one is EC2's compare-and-set: of two
 * processes that work on one run only one gets an attempt's number. Whoever sees a higher number, or
 * finds its own group gone, stops at once.
 */

import { randomBytes } from "node:crypto";
import { type HelperSide, Role, Tag } from "../../agent/contract.ts";
import { isCloudError } from "../ec2/cloud-error.ts";
import type { Ec2 } from "../ec2/ec2.ts";
import type { Tags } from "../ec2/tags.ts";
import { CopyError } from "./copy-error.ts";
import { createOnce } from "./create-once.ts";
import type { RunContext } from "./run-context.ts";
import type { UndoStack } from "./undo-stack.ts";
import { type Waiting, waitUntil } from "./wait-until.ts";
import { checkRow, claimQuery, type RowClaim, rowTags } from "./yield-to-newer.ts";

const STEP = "claim-attempt";

/** One group: the side's claim, and what its helper's network will be. */
export interface Claim {
  readonly side: HelperSide;
  readonly cloud: Ec2;
  readonly vpcId: string;
  readonly groupId: string;
}

export interface ClaimRequest extends Waiting, RowClaim, Pick<RunContext, "checkWanted"> {
  readonly expires: string;
  readonly namePrefix: string;
  /** In the order in which they are claimed. */
  readonly sides: readonly { side: HelperSide; cloud: Ec2; vpcId: string }[];
  readonly undo: UndoStack;
}

export interface ClaimedAttempt {
  /** From 1. */
  readonly attempt: number;
  readonly nonce: string;
  readonly claims: readonly Claim[];
  /** True: an older attempt's group was still there, so its process may be alive. */
  readonly olderSeen: boolean;
}

/**
 * A process whose engine is gone claims nothing: it would take the run from the `up` that came after it, or
 * begin behind a `destroy` that has found nothing yet.
 *
 * @throws CopyError `superseded` when another process was quicker.
 */
export async function claimAttempt(request: ClaimRequest): Promise<ClaimedAttempt> {
  const seen = await Promise.all(request.sides.map(({ cloud }) => lookAtRun(cloud, request.runId)));
  const attempt = Math.max(0, ...seen.map(({ highest }) => highest)) + 1;
  const nonce = randomBytes(8).toString("hex");
  await request.checkWanted();
  const claims: Claim[] = [];
  for (const side of request.sides) {
    const suffix = claims.some((claim) => isSamePlace(claim, side)) ? `-${side.side}` : "";
    const name = `amicopy-${request.runId}-${attempt}${suffix}`;
    claims.push(await claimSide(request, side, { name, nonce, attempt }));
  }
  return { attempt, nonce, claims, olderSeen: seen.some(({ groups }) => groups > 0) };
}

/**
 * Highest attempt of anything of this run, ended or not, and how many groups hold a claim. EC2 forgets
 * instances within an hour; a number of which there is still a snapshot must not be given again.
 */
async function lookAtRun(cloud: Ec2, runId: string): Promise<{ highest: number; groups: number }> {
  const tags = { [Tag.run]: runId };
  const groups = await cloud.describeSecurityGroups({ tags });
  const others = await Promise.all([
    cloud.describeInstances({ tags }),
    cloud.describeVolumes({ tags }),
    cloud.describeSnapshots({ tags }),
    cloud.describeImages({ owner: "self", tags }),
  ]);
  const attempts = [...groups, ...others.flat()].map((thing) => attemptOf(thing.tags));
  return { highest: Math.max(0, ...attempts), groups: groups.length };
}

/** 0 for a thing without the tag. */
export function attemptOf(tags: Tags): number {
  const text = tags[Tag.attempt] ?? "";
  return /^\d{1,9}$/.test(text) ? Number(text) : 0;
}

/** Source and destination may be one VPC: then two names are needed. */
function isSamePlace(claim: Claim, side: { cloud: Ec2; vpcId: string }): boolean {
  return claim.vpcId === side.vpcId && claim.cloud.region === side.cloud.region;
}

async function claimSide(
  request: ClaimRequest,
  { side, cloud, vpcId }: ClaimRequest["sides"][number],
  { name, nonce, attempt }: { name: string; nonce: string; attempt: number },
): Promise<Claim> {
  const description = `amicopy run ${request.runId} attempt ${attempt} claim ${nonce}`;
  const tags = {
    ...rowTags(request),
    [Tag.run]: request.runId,
    [Tag.role]: Role.securityGroup,
    [Tag.expires]: request.expires,
    [Tag.attempt]: String(attempt),
    Name: `${request.namePrefix}-${side}`,
  };
  const groupId = await createOnce(request, {
    create: () => cloud.createSecurityGroup({ name, description, vpcId, tags }),
    find: async () => {
      const groups = await cloud.describeSecurityGroups({
        name,
        tags: { [Tag.run]: request.runId },
      });
      return groups.find((group) => group.description === description)?.groupId;
    },
  }).catch((error: unknown) => {
    if (!isCloudError(error, "duplicate")) throw error;
    throw superseded(request.runId, [name]);
  });
  request.undo.always(`security group ${groupId} in ${cloud.region}`, () =>
    deleteGroup(request, cloud, groupId),
  );
  // From here on "our group is gone" is a reason to stop, so it must have been seen once, and in that way.
  await waitUntil(
    request,
    {
      step: STEP,
      what: `security group ${groupId} in ${cloud.region} to appear`,
      limitMs: request.limits.visibleMs,
      ids: [groupId],
    },
    async () => {
      const groups = await cloud.describeSecurityGroups({ tags: claimQuery(request) });
      return groups.find((group) => group.groupId === groupId);
    },
  );
  return { side, cloud, vpcId, groupId };
}

/** A group is free some time after its last instance has ended. */
export async function deleteGroup(waiting: Waiting, cloud: Ec2, groupId: string): Promise<void> {
  const { clock, limits } = waiting;
  // The clean-up has its own limit and must not be ended by what ended the run.
  const patient = { clock, limits, signal: AbortSignal.timeout(limits.undoMs) };
  await waitUntil(
    patient,
    {
      step: STEP,
      what: `security group ${groupId} in ${cloud.region} to be free`,
      limitMs: limits.releaseMs,
      ids: [groupId],
    },
    async () => {
      try {
        await cloud.deleteSecurityGroup(groupId);
        return true;
      } catch (error) {
        if (isCloudError(error, "in-use")) return undefined;
        throw error;
      }
    },
  );
}

/**
 * @throws CopyError `superseded` when one of our groups is gone or a higher attempt is there, `displaced`
 *   when a newer run of the same row is.
 */
export async function checkClaims(
  claim: RowClaim,
  { attempt, claims }: Pick<ClaimedAttempt, "attempt" | "claims">,
): Promise<void> {
  const { runId } = claim;
  await Promise.all(
    claims.map(async ({ cloud, groupId }) => {
      const all = await cloud.describeSecurityGroups({ tags: claimQuery(claim) });
      checkRow(all, claim);
      const groups = all.filter(({ tags }) => tags[Tag.run] === runId);
      const higher = groups.filter(({ tags }) => attemptOf(tags) > attempt);
      if (higher.length > 0)
        throw superseded(
          runId,
          higher.map((group) => group.name),
        );
      if (!groups.some((group) => group.groupId === groupId)) throw superseded(runId, [groupId]);
    }),
  );
}

function superseded(runId: string, ids: readonly string[]): CopyError {
  return new CopyError(`another process has taken over run ${runId} (${ids.join(", ")})`, {
    code: "superseded",
    step: STEP,
    ids,
    hint: "Let the other `pulumi` end; only one may work on a stack.",
  });
}
