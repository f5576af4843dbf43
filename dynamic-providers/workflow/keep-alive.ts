/**
 * What goes on in the background while a run works: the leases of its helpers are renewed, so that
 * they end themselves when nobody does this any more, and the fence is watched.
 */

import { Tag } from "../../agent/contract.ts";
import { isCloudError } from "../ec2/cloud-error.ts";
import { isCopyError } from "./copy-error.ts";
import type { Helper } from "./launch-helper.ts";
import { cloudOf, type Run } from "./run.ts";

export interface KeepAlive {
  /** Renews this helper's lease from now on. */
  add(helper: Helper): void;
  /** It ends or has ended. */
  drop(helper: Helper): void;
  /** Stops both and waits until nothing is under way. */
  stop(): Promise<void>;
}

/** @param abort - Ends the run; called with a CopyError when another process has taken it over. */
export function keepAlive(run: Run, abort: (reason: Error) => void): KeepAlive {
  const helpers = new Set<Helper>();
  const end = new AbortController();
  const beat = (ms: number, work: () => Promise<void>) => repeatUntil(end.signal, run, ms, work);
  let counter = 0;
  const leases = beat(run.limits.leaseRenewMs, async () => {
    counter++;
    await Promise.all([...helpers].map((helper) => renew(run, helper, counter)));
  });
  const fence = beat(run.limits.fenceMs, async () => {
    try {
      await run.checkFence();
    } catch (error) {
      // Silence is no verdict; the next look or the next create will tell.
      if (isCopyError(error, "superseded", "displaced")) abort(error);
    }
  });
  return {
    add: (helper) => helpers.add(helper),
    drop: (helper) => helpers.delete(helper),
    async stop() {
      end.abort();
      await Promise.all([leases, fence]);
    },
  };
}

async function repeatUntil(
  signal: AbortSignal,
  { clock }: Run,
  ms: number,
  work: () => Promise<void>,
): Promise<void> {
  while (!signal.aborted) {
    await clock.sleep(ms, signal).catch(() => undefined);
    if (!signal.aborted) await work();
  }
}

/** One missed renewal does no harm: a lease is many times as long as the pause between two. */
async function renew(run: Run, { side, instance }: Helper, counter: number): Promise<void> {
  try {
    await cloudOf(run, side).setTags([instance.instanceId], { [Tag.lease]: String(counter) });
  } catch (error) {
    if (!isCloudError(error)) throw error;
  }
}
