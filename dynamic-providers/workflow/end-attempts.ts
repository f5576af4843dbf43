/** What an attempt does about the things of other attempts, and at its end about its own. */

import type { Ec2 } from "../ec2/ec2.ts";
import { attemptOf } from "./claim-attempt.ts";
import { CopyError } from "./copy-error.ts";
import type { RunIdentity } from "./copy-request.ts";
import { endLeftovers, type LeftoverRule } from "./end-leftovers.ts";
import type { Run } from "./run.ts";
import type { Clouds } from "./run-context.ts";

/** Rounds of "end, wait, look again". One orphan makes one thing at a time, so two should do. */
const ROUNDS = 6;

/**
 * Ends every machine and volume of older attempts. Their process may be alive and may just be
 * creating something; so it gets the time to notice that it has been superseded, and we look again.
 *
 * @param olderSeen - Whether an older claim was still there.
 */
export async function endOlderAttempts(run: Run, olderSeen: boolean): Promise<void> {
  const { runId } = run.identity;
  const rule = {
    runId,
    keepAdoptable: true,
    concerns: (tags: Readonly<Record<string, string>>) => attemptOf(tags) < run.attempt,
  };
  let mayLive = olderSeen;
  for (let round = 1; round <= ROUNDS; round++) {
    const removed: string[] = [];
    for (const cloud of distinctClouds(run.clouds, run.identity)) {
      removed.push(...(await endLeftovers(run, cloud, rule)));
    }
    if (removed.length > 0) run.report("image", `ended of an older attempt: ${removed.join(", ")}`);
    if (removed.length === 0 && !mayLive) return;
    mayLive = false;
    await run.clock.sleep(run.limits.orphanNoticeMs, run.signal);
    await run.checkFence();
  }
  throw new CopyError(`an older attempt of run ${runId} goes on creating things`, {
    code: "superseded",
    step: "end-attempts",
    hint: "End the other `pulumi` process, then run `pulumi up` again.",
  });
}

/**
 * Ends what this failed attempt has made, found by tag. Never throws.
 *
 * @returns What could not be ended and why.
 */
export async function endOwnLeftovers(
  run: Run,
  what: Pick<LeftoverRule, "keepAdoptable" | "spared">,
): Promise<string[]> {
  const { clock, limits, identity, attempt } = run;
  const waiting = { clock, limits, signal: AbortSignal.timeout(limits.undoMs) };
  const rule = {
    ...what,
    runId: identity.runId,
    concerns: (tags: Readonly<Record<string, string>>) => attemptOf(tags) === attempt,
  };
  const failures: string[] = [];
  const ends = distinctClouds(run.clouds, identity).map(async (cloud) => {
    try {
      await endLeftovers(waiting, cloud, rule);
    } catch (error) {
      const why = error instanceof Error ? error.message : String(error);
      failures.push(`things of run ${identity.runId} in ${cloud.region}: ${why}`);
    }
  });
  await Promise.all(ends);
  return failures;
}

/** Both sides may be one account and region: then one look is enough. */
function distinctClouds({ source, destination }: Clouds, identity: RunIdentity): Ec2[] {
  const isSame =
    identity.source.accountId === identity.destination.accountId &&
    identity.source.region === identity.destination.region;
  return isSame ? [destination] : [source, destination];
}
