/** Ends instances and deletes volumes, and waits until they are really gone. */

import { isCloudError } from "../ec2/cloud-error.ts";
import type { Ec2 } from "../ec2/ec2.ts";
import { type Waiting, waitUntil } from "./wait-until.ts";

const STEP = "end-machines";

/**
 * Terminates an instance and waits for `terminated`. What is gone already is fine; but EC2 shows for an
 * hour what has ended, and may not know yet what was launched a moment ago.
 */
export async function endInstance(waiting: Waiting, cloud: Ec2, instanceId: string): Promise<void> {
  const { clock, limits } = waiting;
  await cloud.terminateInstance(instanceId);
  const shownByMs = clock.now() + limits.visibleMs;
  await waitUntil(
    waiting,
    {
      step: STEP,
      what: `instance ${instanceId} in ${cloud.region} to be terminated`,
      limitMs: limits.terminateMs,
      ids: [instanceId],
    },
    async () => {
      const [instance] = await cloud.describeInstances({ ids: [instanceId] });
      if (instance === undefined ? clock.now() >= shownByMs : instance.state === "terminated") {
        return true;
      }
      if (instance?.state !== "shutting-down") await cloud.terminateInstance(instanceId);
      return undefined;
    },
  );
}

/** Deletes a volume as soon as no instance holds it. */
export async function deleteVolume(waiting: Waiting, cloud: Ec2, volumeId: string): Promise<void> {
  await waitUntil(
    waiting,
    {
      step: STEP,
      what: `volume ${volumeId} in ${cloud.region} to be free`,
      limitMs: waiting.limits.releaseMs,
      ids: [volumeId],
    },
    async () => {
      try {
        await cloud.deleteVolume(volumeId);
        return true;
      } catch (error) {
        if (isCloudError(error, "in-use")) return undefined;
        throw error;
      }
    },
  );
}
