/** Waits for snapshots, and says of one that failed what AWS has said of it. */

import type { Ec2 } from "../ec2/ec2.ts";
import type { Snapshot } from "../ec2/snapshot.ts";
import { CopyError } from "./copy-error.ts";
import { type KeyUse, keyTrouble } from "./key-trouble.ts";
import { type Waiting, waitUntil } from "./wait-until.ts";

export interface Completion {
  readonly step: string;
  readonly ids: readonly string[];
  /** What they are under. */
  readonly keyUse: KeyUse;
  /** At each look, with how far all of them are. */
  readonly onLook: (percent: number) => void;
}

/** @throws CopyError `product-failed` when a snapshot goes to `error`. */
export async function completeSnapshots(
  waiting: Waiting,
  cloud: Ec2,
  { step, ids, keyUse, onLook }: Completion,
): Promise<Snapshot[]> {
  return waitUntil(
    waiting,
    {
      step,
      what: `snapshots ${ids.join(", ")} to complete`,
      limitMs: waiting.limits.snapshotMs,
      ids,
    },
    async () => {
      const found = await cloud.describeSnapshots({ ids });
      const failed = found.find(({ state }) => state === "error");
      if (failed !== undefined) throw snapshotFailed(failed, cloud.region, step, keyUse);
      const sum = found.reduce((sum, { state, progressPercent }) => {
        return sum + (state === "completed" ? 100 : progressPercent);
      }, 0);
      onLook(Math.floor(sum / Math.max(1, ids.length)));
      const complete = found.filter(({ state }) => state === "completed");
      return complete.length === ids.length ? complete : undefined;
    },
  );
}

function snapshotFailed(
  { snapshotId, stateMessage }: Snapshot,
  region: string,
  step: string,
  keyUse: KeyUse,
): CopyError {
  const trouble = keyTrouble(stateMessage, keyUse);
  const why = trouble?.because ?? (stateMessage === undefined ? "" : `: ${stateMessage}`);
  return new CopyError(`snapshot ${snapshotId} in ${region} went to error${why}`, {
    code: "product-failed",
    step,
    ids: [snapshotId],
    hint: trouble?.hint ?? "Run `pulumi up` again.",
  });
}
