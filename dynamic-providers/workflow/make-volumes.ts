/**
 * Needs: the snapshots of a copy, the zone of the instance that is to hold them.  Makes: one volume a
 * device, of the type, size and speed that the image is to have.  Undoes: the volumes, always.
 */

import { Role } from "../../agent/contract.ts";
import type { SnapshotDevice } from "../ec2/block-device.ts";
import type { Instance } from "../ec2/instance.ts";
import { CopyError } from "./copy-error.ts";
import { deleteVolume, endInstance } from "./end-machines.ts";
import { clientToken, type Run, runTags } from "./run.ts";
import type { SnapshotCopy } from "./snapshot-volumes.ts";
import type { Undo } from "./undo-stack.ts";
import { explainType } from "./unoffered-type.ts";
import { waitUntil } from "./wait-until.ts";

const STEP = "make-volumes";

/** A volume and where it belongs. */
export interface DeviceVolume {
  readonly deviceName: string;
  readonly volumeId: string;
  readonly undo: Undo;
}

/** @param copies - What each device's snapshot is, with the size that it has at least. */
export async function makeVolumes(
  run: Run,
  { instanceId, availabilityZone }: Instance,
  devices: readonly SnapshotDevice[],
  copies: readonly SnapshotCopy[],
): Promise<DeviceVolume[]> {
  const cloud = run.clouds.destination;
  const { request } = run;
  const volumes: DeviceVolume[] = [];
  for (const device of devices) {
    const { deviceName, snapshotId, volumeSizeGib, volumeType, iops, throughputMibps } = device;
    const copy = copies.find((copy) => copy.snapshotId === snapshotId);
    const making = cloud.createVolume({
      clientToken: clientToken(run, STEP, deviceName),
      availabilityZone,
      snapshotId,
      sizeGib: Math.max(volumeSizeGib ?? 0, copy?.sizeGib ?? 1),
      ...(volumeType !== undefined && { volumeType }),
      ...(iops !== undefined && { iops }),
      ...(throughputMibps !== undefined && { throughputMibps }),
      tags: {
        ...request.helper.destination.tags,
        Name: `${request.temporaryNamePrefix}-${Role.licenseDonor}`,
        ...runTags(run, Role.licenseDonor),
      },
    });
    const volumeId = await making.catch((error) => {
      throw explainType(error, devices, STEP);
    });
    const undo = run.undo.always(`volume ${volumeId} in ${cloud.region}`, async () => {
      const waiting = { ...run, signal: AbortSignal.timeout(run.limits.undoMs) };
      // As long as the instance is there, it holds it.
      await endInstance(waiting, cloud, instanceId);
      await deleteVolume(waiting, cloud, volumeId);
    });
    volumes.push({ deviceName, volumeId, undo });
  }
  await waitForVolumes(run, volumes);
  return volumes;
}

async function waitForVolumes(run: Run, volumes: readonly DeviceVolume[]): Promise<void> {
  const { region, describeVolumes } = run.clouds.destination;
  const ids = volumes.map(({ volumeId }) => volumeId);
  await waitUntil(
    run,
    {
      step: STEP,
      what: `volumes ${ids.join(", ")} in ${region} to be available`,
      limitMs: run.limits.volumeMs,
      ids,
    },
    async () => {
      const found = await describeVolumes({ ids });
      const failed = found.find(({ state }) => state === "error");
      if (failed !== undefined) {
        throw new CopyError(`volume ${failed.volumeId} in ${region} went to error`, {
          code: "product-failed",
          step: STEP,
          ids: [failed.volumeId],
          hint: "A key that this account may not use ends a volume so; then run `pulumi up` again.",
        });
      }
      const ready = found.filter(({ state }) => state === "available");
      return ready.length === ids.length ? true : undefined;
    },
  );
}
