/**
 * Needs: a stopped licence donor, the volumes of the copy.  Makes: the donor with these volumes and
 * no other, under the device names of the copy; its own are deleted.  Undoes: nothing; the volumes
 * are of those who made them, and go by their tags.
 */

import { isCloudError } from "../ec2/cloud-error.ts";
import type { Instance } from "../ec2/instance.ts";
import { deleteVolume } from "./end-machines.ts";
import type { DeviceVolume } from "./make-volumes.ts";
import type { Run } from "./run.ts";
import { waitUntil } from "./wait-until.ts";

const STEP = "swap-volumes";

/** @param donor - As it was when it stopped, with all volumes that it then had. */
export async function swapVolumes(
  run: Run,
  donor: Instance,
  volumes: readonly DeviceVolume[],
): Promise<void> {
  const { instanceId } = donor;
  await run.checkFence();
  run.report("destination", `licence donor ${instanceId}: ${volumes.length} volumes swapped in`);
  for (const { volumeId } of donor.volumes) await detach(run, volumeId, instanceId);
  for (const volume of volumes) await attach(run, volume, instanceId);
  for (const { volumeId } of donor.volumes) {
    await deleteVolume(run, run.clouds.destination, volumeId);
  }
}

async function detach(run: Run, volumeId: string, instanceId: string): Promise<void> {
  const cloud = run.clouds.destination;
  await wait(run, `volume ${volumeId} to leave ${instanceId}`, [volumeId, instanceId], async () => {
    const [volume] = await cloud.describeVolumes({ ids: [volumeId] });
    if (volume === undefined || volume.state === "available") return true;
    if (volume.attachment?.state !== "detaching") {
      await unlessInUse(cloud.detachVolume(volumeId, instanceId));
    }
    return undefined;
  });
}

async function attach(
  run: Run,
  { volumeId, deviceName }: DeviceVolume,
  instanceId: string,
): Promise<void> {
  const cloud = run.clouds.destination;
  const what = `volume ${volumeId} to be ${deviceName} of ${instanceId}`;
  await wait(run, what, [volumeId, instanceId], async () => {
    const [volume] = await cloud.describeVolumes({ ids: [volumeId] });
    if (volume?.state === "available") {
      await unlessInUse(cloud.attachVolume(volumeId, instanceId, deviceName));
      return undefined;
    }
    return volume?.attachment?.state === "attached" ? true : undefined;
  });
}

function wait(
  run: Run,
  what: string,
  ids: readonly string[],
  look: () => Promise<true | undefined>,
) {
  const limitMs = run.limits.releaseMs;
  const where = `${what} in ${run.clouds.destination.region}`;
  return waitUntil(run, { step: STEP, what: where, limitMs, ids }, look);
}

/** On its way already, or not yet possible: the next look tells. */
async function unlessInUse(change: Promise<void>): Promise<void> {
  try {
    await change;
  } catch (error) {
    if (!isCloudError(error, "in-use")) throw error;
  }
}
