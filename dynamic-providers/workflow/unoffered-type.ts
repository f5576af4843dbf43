/**
 * A region that lacks a volume type: no describe of EC2 tells, only the call that asks for one, and
 * its dry run as far as EC2 looks then (`preflight/check-volume-types.ts`). The refusal of the call
 * itself, made into which devices are meant and what to do. Pure.
 *
 * Sources: hashicorp/terraform-provider-aws#18654 (GovCloud's words), EC2's error codes.
 */

import type { BlockDevice } from "../ec2/block-device.ts";
import { isCloudError } from "../ec2/cloud-error.ts";
import { CopyError } from "./copy-error.ts";

const CODES = /^(VolumeTypeNotAvailableIn(Region|Zone)|UnknownVolumeType)$/;

/** @returns The error itself when it is about something else. */
export function explainType(error: unknown, devices: readonly BlockDevice[], step: string) {
  if (!isCloudError(error) || !CODES.test(error.code)) return error;
  const named = devices.flatMap((device) =>
    device.kind !== "ephemeral" && error.message.includes(`'${device.volumeType}'`)
      ? [`${device.deviceName} (${device.volumeType})`]
      : [],
  );
  const which = named.length === 0 ? "a device of the image" : named.join(", ");
  return new CopyError(
    `${step}: ${error.region} does not offer the volume type of ${which}: ${error.message}`,
    {
      code: "cloud",
      step,
      cause: error,
      hint: `Give each a volumeType that ${error.region} offers, with the argument blockDevices.`,
    },
  );
}
