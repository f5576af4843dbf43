/**
 * Needs: destination volumes whose digests are proved.  Makes: one finished snapshot each, tagged
 * with where it is from and its digest.  Undoes: what is not finished; a finished one stays for the
 * next attempt to adopt, and the sweep knows it by its tags.
 */

import { Role, Tag } from "../../agent/contract.ts";
import type { Ec2 } from "../ec2/ec2.ts";
import { CopyError } from "./copy-error.ts";
import { createOnce } from "./create-once.ts";
import type { SourceVolume } from "./describe-source.ts";
import { type Run, runTags, withoutReserved } from "./run.ts";
import type { Undo } from "./undo-stack.ts";
import { waitUntil } from "./wait-until.ts";

const STEP = "snapshot-volumes";

/** A destination volume with the source volume it is equal to. */
export interface ProvedVolume {
  readonly source: SourceVolume;
  readonly volumeId: string;
  readonly digest: string;
}

/** A finished copy of a source snapshot. */
export interface SnapshotCopy {
  readonly sourceSnapshotId: string;
  readonly snapshotId: string;
  readonly sizeGib: number;
  readonly digest: string;
}

/** @throws CopyError `product-failed` when a snapshot goes to `error`. */
export async function snapshotVolumes(
  run: Run,
  volumes: readonly ProvedVolume[],
): Promise<SnapshotCopy[]> {
  const cloud = run.clouds.destination;
  await run.checkFence();
  const made: { copy: SnapshotCopy; undo: Undo }[] = [];
  for (const volume of volumes) {
    const snapshotId = await createSnapshot(run, volume);
    const undo = run.undo.onFailure(`snapshot ${snapshotId} in ${cloud.region}`, () =>
      cloud.deleteSnapshot(snapshotId),
    );
    const { snapshot } = volume.source;
    const sizeGib = snapshot.volumeSizeGib;
    const { digest } = volume;
    made.push({
      copy: { sourceSnapshotId: snapshot.snapshotId, snapshotId, sizeGib, digest },
      undo,
    });
  }
  await waitForCompletion(run, made);
  return made.map(({ copy }) => copy);
}

async function createSnapshot(run: Run, volume: ProvedVolume): Promise<string> {
  const cloud = run.clouds.destination;
  const { source, volumeId, digest } = volume;
  const { snapshotId, description, tags } = source.snapshot;
  const { copyTags, sourceAmiId } = run.request;
  const marks = runTags(run, Role.snapshot);
  const origin = { [Tag.sourceSnapshot]: snapshotId, [Tag.digest]: digest };
  return createOnce(run, {
    create: () =>
      cloud.createSnapshot({
        volumeId,
        description:
          copyTags && description !== "" ? description : `Copy of ${snapshotId} of ${sourceAmiId}`,
        tags: { ...(copyTags ? withoutReserved(tags) : {}), ...marks, ...origin },
      }),
    find: async () => {
      const { [Tag.run]: runId, [Tag.attempt]: attempt } = marks;
      const [found] = await cloud.describeSnapshots({
        tags: { [Tag.run]: runId, [Tag.attempt]: attempt, ...origin },
      });
      return found?.snapshotId;
    },
  });
}

async function waitForCompletion(
  run: Run,
  made: readonly { copy: SnapshotCopy; undo: Undo }[],
): Promise<void> {
  const ids = made.map(({ copy }) => copy.snapshotId);
  await waitUntil(
    run,
    {
      step: STEP,
      what: `snapshots ${ids.join(", ")} to complete`,
      limitMs: run.limits.snapshotMs,
      ids,
    },
    async () => {
      const found = await run.clouds.destination.describeSnapshots({ ids });
      const failed = found.find(({ state }) => state === "error");
      if (failed !== undefined) throw snapshotFailed(failed, run.clouds.destination);
      for (const { snapshotId, state } of found) {
        if (state !== "completed") continue;
        made.find(({ copy }) => copy.snapshotId === snapshotId)?.undo.dismiss();
      }
      const percent = found.reduce((sum, { state, progressPercent }) => {
        return sum + (state === "completed" ? 100 : progressPercent);
      }, 0);
      const text = `snapshots ${Math.floor(percent / Math.max(1, ids.length))}%`;
      run.report("image", text);
      run.report("destination", text);
      const complete = found.filter(({ state }) => state === "completed");
      return complete.length === ids.length ? true : undefined;
    },
  );
}

function snapshotFailed(
  { snapshotId, stateMessage }: { snapshotId: string; stateMessage?: string },
  { region }: Ec2,
): CopyError {
  const why = stateMessage === undefined ? "" : `: ${stateMessage}`;
  return new CopyError(`snapshot ${snapshotId} in ${region} went to error${why}`, {
    code: "product-failed",
    step: STEP,
    ids: [snapshotId],
    hint: "If it names a key, give this account the use of it; then run `pulumi up` again.",
  });
}
