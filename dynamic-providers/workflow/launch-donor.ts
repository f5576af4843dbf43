/**
 * Needs: an image that lends its licence, a security group without rules.  Makes: one instance of
 * it, where nobody reaches it and it reaches nobody.  Undoes: the instance, always.
 */

import { Role } from "../../agent/contract.ts";
import type { Image } from "../ec2/image.ts";
import type { Instance, LaunchVolume } from "../ec2/instance.ts";
import { chooseHelper } from "./choose-helper.ts";
import { CopyError } from "./copy-error.ts";
import { donorUserData } from "./donor-user-data.ts";
import { endInstance } from "./end-machines.ts";
import { launchSomewhere } from "./launch-somewhere.ts";
import { clientToken, type Run, runTags } from "./run.ts";
import type { Undo } from "./undo-stack.ts";

const STEP = "launch-donor";

/** A launched licence donor. */
export interface Donor {
  readonly instance: Instance;
  readonly undo: Undo;
}

export interface DonorPlan {
  readonly image: Image;
  readonly groupId: string;
  /** How many volumes it must be able to hold. */
  readonly volumeCount: number;
}

/** @throws CopyError `no-capacity` when no zone and type has room. */
export async function launchDonor(run: Run, plan: DonorPlan): Promise<Donor> {
  const cloud = run.clouds.destination;
  const { image, groupId, volumeCount } = plan;
  const { imageId } = image;
  await run.checkFence();
  await cloud.closeSecurityGroup(groupId);
  const { request } = run;
  const { instanceType: _helpers, ...place } = request.helper.destination;
  const found = await chooseHelper(cloud, { ...place, imageId }, volumeCount, { isDonor: true });
  if ("none" in found) throw noPlace(imageId, found.none[0]?.message ?? "no instance type");
  const { instance } = await launchSomewhere(run, {
    step: STEP,
    what: `licence donor ${imageId}`,
    row: "destination",
    cloud,
    choices: found.choices,
    hint: "Set helper.destination.subnetId to a subnet of another zone, or try again later.",
    requestFor: ({ instanceType, subnet }, index) => ({
      clientToken: clientToken(run, Role.licenseDonor, index),
      imageId,
      instanceType,
      subnetId: subnet.subnetId,
      securityGroupId: groupId,
      publicAddress: false,
      userData: donorUserData(image, run.limits.leaseMs),
      volumes: ownVolumes(image),
      tags: {
        ...place.tags,
        Name: `${request.temporaryNamePrefix}-${Role.licenseDonor}`,
        ...runTags(run, Role.licenseDonor),
      },
    }),
  });
  const { instanceId, instanceType } = instance;
  const undo = run.undo.always(`instance ${instanceId} in ${cloud.region}`, () =>
    endInstance({ ...run, signal: AbortSignal.timeout(run.limits.undoMs) }, cloud, instanceId),
  );
  run.report("destination", `licence donor ${instanceId} starting (${instanceType})`);
  return { instance, undo };
}

/** Its own volumes die with it, whatever its image says. */
function ownVolumes({ blockDevices }: Image): LaunchVolume[] {
  return blockDevices.flatMap((device) => {
    if (device.kind === "ephemeral") return [];
    const { deviceName, volumeSizeGib = 1 } = device;
    return [{ deviceName, sizeGib: volumeSizeGib, volumeType: "gp3" }];
  });
}

function noPlace(imageId: string, message: string): CopyError {
  return new CopyError(`the licence donor ${imageId} cannot be run: ${message}`, {
    code: "no-capacity",
    step: STEP,
    ids: [imageId],
    hint: "Give licenseDonorAmiId with another image, or helper.destination.subnetId.",
  });
}
