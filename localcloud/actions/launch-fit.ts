/** Whether an instance type can run an image. */

import { INSTANCE_TYPES, type InstanceType } from "../catalog/instance-types.ts";
import { invalidCombination, invalidValue } from "../protocol/api-error.ts";
import type { ImageRecord } from "../records/image.ts";

export function findType(name: string): InstanceType {
  const type = INSTANCE_TYPES.get(name);
  if (type === undefined) throw invalidValue(`Invalid value '${name}' for InstanceType.`);
  return type;
}

export function checkFit(image: ImageRecord, type: InstanceType): void {
  if (image.architecture !== type.architecture) {
    throw invalidValue(
      `The architecture '${type.architecture}' of the specified instance type does not match the ` +
        `architecture '${image.architecture}' of the specified AMI. Specify an instance type and an ` +
        "AMI that have matching architectures, and try again.",
    );
  }
  if (image.virtualizationType !== "hvm") {
    throw invalidCombination(
      `Non-Windows instances with a virtualization type of '${image.virtualizationType}' are currently ` +
        `not supported for the instance type '${type.name}'.`,
    );
  }
  if ((image.bootMode === "uefi" || image.tpmSupport !== undefined) && !type.nitro) {
    throw invalidCombination(
      `The instance type '${type.name}' does not support the boot mode or the NitroTPM of ${image.id}.`,
    );
  }
  if (type.nitro && !image.enaSupport) {
    throw invalidCombination(
      `Enhanced networking with the Elastic Network Adapter (ENA) is required for the '${type.name}' ` +
        "instance type. Ensure that you are using an AMI that is enabled for ENA.",
    );
  }
}
