/** Rules of every call that makes an image: its name, its description. */

import type { Call } from "../call.ts";
import { ApiError, invalidValue } from "../protocol/api-error.ts";

const DESCRIPTION_MAX_LENGTH = 255;

/** @throws ApiError `InvalidAMIName.Malformed`, `InvalidAMIName.Duplicate`. */
export function checkImageName(call: Call, name: string): void {
  if (!/^[A-Za-z0-9()[\] ./'@_-]{3,128}$/.test(name)) {
    throw new ApiError(
      "InvalidAMIName.Malformed",
      "AMI names must be between 3 and 128 characters long, and may contain letters, numbers, " +
        "'(', ')', '.', '-', '/', '_', ''', '@', '[', ']' and spaces",
    );
  }
  const holder = [...call.store.images.values()].find(
    (one) => one.name === name && !one.deregistered,
  );
  if (holder !== undefined) {
    throw new ApiError(
      "InvalidAMIName.Duplicate",
      `AMI name ${name} is already in use by AMI ${holder.id}`,
    );
  }
}

export function checkDescription(text: string | undefined): void {
  if (text !== undefined && [...text].length > DESCRIPTION_MAX_LENGTH) {
    throw invalidValue(`The description is longer than ${DESCRIPTION_MAX_LENGTH} characters.`);
  }
}
