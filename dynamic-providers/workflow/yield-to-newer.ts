/**
 * Needs: a claimed attempt.  Makes: room for one run of a stack's row at a time.  Undoes: nothing.
 *
 * The fence stands between processes that work on one run. After a `pulumi cancel` against a `pulumi`
 * that lives, two may each have made a run of their own for the same row, before either was in the
 * state; the state will be of whoever writes it last. So the groups of a claim tell whose row they
 * are for and since when: of two runs the one that has claimed first ends, and the other waits for
 * that, so that its own state is the later one.
 */

import { Tag } from "../../agent/contract.ts";
import type { Ec2 } from "../ec2/ec2.ts";
import type { SecurityGroup } from "../ec2/network.ts";
import type { TagQuery, Tags } from "../ec2/tags.ts";
import { CopyError } from "./copy-error.ts";
import type { RunIdentity } from "./copy-request.ts";
import type { Run } from "./run.ts";

/** Looks for a run that has to end. Its process may be dead, and nobody else ends its groups then. */
const LOOKS = 6;

/** One run's claim to its row. */
export interface RowClaim {
  readonly runId: string;
  /** As in {@link RunIdentity}. */
  readonly row: string | undefined;
  /** ISO 8601 UTC, by AWS's clock. */
  readonly begun: string;
}

/** What the groups of a claim say of it; nothing of a run that an earlier version has made. */
export function rowTags({ row, begun }: RowClaim): Tags {
  return row === undefined ? {} : { [Tag.stackRow]: row, [Tag.begun]: begun };
}

/** What finds the groups of this run and of all others of its row in one call. */
export function claimQuery({ runId, row }: RowClaim): TagQuery {
  return row === undefined ? { [Tag.run]: runId } : { [Tag.stackRow]: row };
}

/** @throws CopyError `displaced` when one of these groups is of a run that has claimed after this one. */
export function checkRow(groups: readonly SecurityGroup[], claim: RowClaim): void {
  const newer = othersOf(groups, claim).find(({ tags }) => isAfter(tags, claim));
  if (newer === undefined) return;
  const other = newer.tags[Tag.run] ?? "";
  throw new CopyError(
    `another \`pulumi up\` has begun to copy for the same row of this stack (run ${other}), so this one (run ${claim.runId}) ends`,
    {
      code: "displaced",
      step: "yield-to-newer",
      ids: [claim.runId, newer.groupId],
      hint: "Let the other `pulumi` end; only one may work on a stack.",
    },
  );
}

/** Returns when older runs of the row have ended, or cannot be told to by waiting. */
export async function awaitOlder(run: Run, cloud: Ec2, claim: RowClaim): Promise<void> {
  for (let look = 1; look <= LOOKS; look++) {
    const groups = await cloud.describeSecurityGroups({ tags: claimQuery(claim) });
    const [older] = othersOf(groups, claim);
    if (older === undefined) return;
    run.report("image", `waiting for run ${older.tags[Tag.run]} of the same row to end`);
    await run.clock.sleep(run.limits.orphanNoticeMs, run.signal);
    await run.checkFence();
  }
}

function othersOf(groups: readonly SecurityGroup[], { runId }: RowClaim): SecurityGroup[] {
  return groups.filter(({ tags }) => tags[Tag.run] !== runId);
}

/** Two of one millisecond differ by their runs. */
function isAfter({ [Tag.begun]: since = "", [Tag.run]: run }: Tags, claim: RowClaim): boolean {
  return `${since} ${run}` > `${claim.begun} ${claim.runId}`;
}
