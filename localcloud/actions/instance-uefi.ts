/** GetInstanceUefiData, and which instances have UEFI variables at all. */

import type { GetInstanceUefiDataRequest, GetInstanceUefiDataResult } from "@aws-sdk/client-ec2";
import { type Action, type Call, ec2Action } from "../call.ts";
import type { InstanceType } from "../catalog/instance-types.ts";
import { ApiError } from "../protocol/api-error.ts";
import type { ImageRecord } from "../records/image.ts";
import { findInstance } from "./instance-lookup.ts";

export const GET_INSTANCE_UEFI_DATA: Action = ec2Action<
  GetInstanceUefiDataRequest,
  GetInstanceUefiDataResult
>("GetInstanceUefiData", ["InstanceId"], getInstanceUefiData);

/** What a machine has that was given no variables: a store with nothing in it. */
export const EMPTY_VARIABLE_STORE = Buffer.from("AMZNUEFI\0\0\0\0").toString("base64");

/** [UG ami-boot]: without a word of the image, Arm boots by UEFI and x86 by BIOS. */
export function bootsByUefi(
  image: Pick<ImageRecord, "bootMode" | "architecture">,
  type: InstanceType,
): boolean {
  if (image.bootMode === undefined) return image.architecture === "arm64";
  if (image.bootMode === "uefi-preferred") return type.nitro;
  return image.bootMode === "uefi";
}

function getInstanceUefiData(
  input: GetInstanceUefiDataRequest,
  call: Call,
): GetInstanceUefiDataResult {
  const instance = findInstance(call, input.InstanceId);
  if (instance.uefiData === undefined) {
    throw new ApiError(
      "UnsupportedOperation",
      `The instance '${instance.id}' does not boot by UEFI and has no UEFI variables.`,
    );
  }
  return { InstanceId: instance.id, UefiData: instance.uefiData };
}
