/**
 * Finds by tag what a run has left on one side and removes it: machines and volumes always,
 * unclaimed images, snapshots that are of no more use, groups at last. Used by a new attempt for the
 * older ones, by a failed attempt for what its own undo may not know of, and by the sweep.
 */

import { Tag } from "../../agent/contract.ts";
import { isCloudError } from "../ec2/cloud-error.ts";
import type { Ec2 } from "../ec2/ec2.ts";
import type { Image } from "../ec2/image.ts";
import type { Snapshot } from "../ec2/snapshot.ts";
import type { Tags } from "../ec2/tags.ts";
import { deleteGroup } from "./claim-attempt.ts";
import { deregister } from "./deregister.ts";
import { deleteVolume, endInstance } from "./end-machines.ts";
import { type Waiting, waitUntil } from "./wait-until.ts";

export interface LeftoverRule {
  readonly runId: string;
  /** Which attempts' things are meant; the tags are those of the thing. */
  readonly concerns: (tags: Tags) => boolean;
  /** Proved snapshots that a later attempt could adopt stay. */
  readonly keepAdoptable: boolean;
  /** Claimed images go as well when no state has their row; absent: every claimed one stays. */
  readonly endsUnowned?: boolean;
  /** Ids of what stays whatever its tags. */
  readonly spared?: ReadonlySet<string>;
}

/** @returns What was removed: `instance i-0ab`. */
export async function endLeftovers(
  waiting: Waiting,
  cloud: Ec2,
  rule: LeftoverRule,
): Promise<string[]> {
  const removed: string[] = [];
  const note = (kind: string, id: string) => removed.push(`${kind} ${id}`);
  const tags = { [Tag.run]: rule.runId };
  const concerned = <Thing extends { tags: Tags }>(
    things: readonly Thing[],
    idOf: (thing: Thing) => string,
  ) => things.filter((thing) => rule.concerns(thing.tags) && !rule.spared?.has(idOf(thing)));

  const instances = concerned(await cloud.describeInstances({ tags }), (one) => one.instanceId);
  const living = instances.filter(({ state }) => state !== "terminated");
  await Promise.all(
    living.map(async ({ instanceId }) => {
      await endInstance(waiting, cloud, instanceId);
      note("instance", instanceId);
    }),
  );
  const volumes = concerned(await cloud.describeVolumes({ tags }), (one) => one.volumeId);
  for (const { volumeId, state } of volumes) {
    if (state === "deleting" || state === "deleted") continue;
    await deleteVolume(waiting, cloud, volumeId);
    note("volume", volumeId);
  }
  const images = await cloud.describeImages({ owner: "self", tags });
  const ended = images.filter((image) => mayEnd(image, rule));
  for (const { imageId, state } of concerned(ended, (one) => one.imageId)) {
    if (state === "deregistered") continue;
    await deregister(waiting, cloud, imageId);
    note("image", imageId);
  }
  const kept = snapshotsOf(images.filter((image) => !mayEnd(image, rule)));
  const snapshots = concerned(await cloud.describeSnapshots({ tags }), (one) => one.snapshotId);
  for (const snapshot of snapshots) {
    if (kept.has(snapshot.snapshotId)) continue;
    if (rule.keepAdoptable && isAdoptable(snapshot)) continue;
    if (await deleteUnused(waiting, cloud, snapshot.snapshotId))
      note("snapshot", snapshot.snapshotId);
  }
  const groups = concerned(await cloud.describeSecurityGroups({ tags }), (one) => one.groupId);
  for (const { groupId } of groups) {
    await deleteGroup(waiting, cloud, groupId);
    note("security group", groupId);
  }
  return removed;
}

/**
 * A snapshot with the digest that both sides agreed on. One that is still pending needs neither its
 * volume nor a helper to become complete, and may have taken hours of it already.
 */
export function isAdoptable({ state, tags }: Snapshot): boolean {
  return /^(completed|pending)$/.test(state) && /^[0-9a-f]{64}$/.test(tags[Tag.digest] ?? "");
}

function mayEnd({ tags }: Image, { endsUnowned }: LeftoverRule): boolean {
  if (tags[Tag.claimed] === undefined) return true;
  return endsUnowned === true && tags[Tag.owned] === undefined;
}

export function snapshotsOf(images: readonly Image[]): Set<string> {
  return new Set(
    images.flatMap(({ blockDevices }) =>
      blockDevices.flatMap((device) => (device.kind === "snapshot" ? [device.snapshotId] : [])),
    ),
  );
}

/**
 * For a moment after its image went a snapshot may still count as used.
 *
 * @returns False when an image uses it: then it is not a leftover.
 */
export async function deleteUnused(
  waiting: Waiting,
  cloud: Ec2,
  snapshotId: string,
): Promise<boolean> {
  const request = {
    step: "end-leftovers",
    what: `snapshot ${snapshotId} in ${cloud.region} to be free`,
    limitMs: waiting.limits.visibleMs,
    ids: [snapshotId],
  };
  return waitUntil(waiting, request, async () => {
    try {
      await cloud.deleteSnapshot(snapshotId);
      return true;
    } catch (error) {
      if (!isCloudError(error, "in-use")) throw error;
      const users = await cloud.describeImages({ owner: "self", snapshotId });
      return users.every(({ state }) => state === "deregistered") ? undefined : false;
    }
  });
}
