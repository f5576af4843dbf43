/**
 * What a licensed copy goes through instead of its registration:
 *
 *   1 launch-donor           an instance of an image that AWS bills as the source
 *   2 stop-donor             as soon as it runs; meanwhile
 *     make-volumes           the finished snapshots become volumes in its zone
 *   3 swap-volumes           all of its own out, all of the copy's in
 *   4 create-licensed-image  an image of it, verified
 *   5 tag-snapshots          the image's snapshots with where they are from and their digests
 *   6 end-donor              the instance and the volumes
 *
 * The digests hold for the new snapshots because no system ever ran with these volumes. At every
 * moment one whole set of snapshots has its digests, so that the next attempt copies nothing again.
 */

import type { Image } from "../ec2/image.ts";
import type { Registration } from "./copy-request.ts";
import { createLicensedImage, type LicensedImage } from "./create-licensed-image.ts";
import { deleteVolume, endInstance } from "./end-machines.ts";
import { launchDonor } from "./launch-donor.ts";
import type { LicenseWish } from "./license-donor.ts";
import { makeVolumes } from "./make-volumes.ts";
import { both, inStep, type Run } from "./run.ts";
import type { SnapshotCopy } from "./snapshot-volumes.ts";
import { stopDonor } from "./stop-donor.ts";
import { swapVolumes } from "./swap-volumes.ts";
import { tagSnapshots } from "./tag-snapshots.ts";

export interface LicensePlan {
  /** The image that lends its licence. */
  readonly donor: Image;
  readonly license: LicenseWish;
  /** The destination's group, which loses all its rules. */
  readonly groupId: string;
  /** As what the image is wanted, of the snapshots in `copies`. */
  readonly registration: Registration;
  readonly tags: Readonly<Record<string, string>>;
  readonly otherName: string | undefined;
  readonly copies: readonly SnapshotCopy[];
}

export interface LicensedCopy extends LicensedImage {
  /** The image's own snapshots, one a device. */
  readonly copies: readonly SnapshotCopy[];
}

export async function licenseImage(run: Run, plan: LicensePlan): Promise<LicensedCopy> {
  const { donor: donorImage, groupId, copies } = plan;
  const cloud = run.clouds.destination;
  const registration = inherited(plan.registration, donorImage);
  const devices = registration.blockDevices.filter((device) => device.kind === "snapshot");
  const donor = await inStep(run, "launch-donor", () =>
    launchDonor(run, { image: donorImage, groupId, volumeCount: devices.length }),
  );
  const { instanceId } = donor.instance;
  const [stopped, volumes] = await both(
    inStep(run, "stop-donor", () => stopDonor(run, instanceId)),
    inStep(run, "make-volumes", () => makeVolumes(run, donor.instance, devices, copies)),
  );
  await inStep(run, "swap-volumes", () => swapVolumes(run, stopped, volumes));
  const created = await inStep(run, "create-licensed-image", () =>
    createLicensedImage(run, { ...plan, registration, instanceId }),
  );
  const own = await inStep(run, "tag-snapshots", () =>
    tagSnapshots(run, registration, created.registration, copies),
  );
  await inStep(run, "end-donor", async () => {
    await endInstance(run, cloud, instanceId);
    donor.undo.dismiss();
    for (const { volumeId, undo } of volumes) {
      await deleteVolume(run, cloud, volumeId);
      undo.dismiss();
    }
  });
  run.report("destination", `licence donor ${instanceId} terminated`);
  return { ...created, copies: own };
}

/** What an image of an instance has of that instance, whatever was asked. */
function inherited(registration: Registration, donor: Image): Registration {
  const { uefiData: _uefi, bootMode: _boot, sriovNetSupport: _sriov, ...rest } = registration;
  const { bootMode, sriovNetSupport } = donor;
  const imdsSupport = registration.imdsSupport ?? donor.imdsSupport;
  return {
    ...rest,
    ...(bootMode !== undefined && { bootMode }),
    ...(sriovNetSupport !== undefined && { sriovNetSupport }),
    ...(imdsSupport !== undefined && { imdsSupport }),
  };
}
