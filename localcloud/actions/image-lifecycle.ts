/** Deprecating and disabling an image, and taking both back. */

import type {
  DisableImageDeprecationRequest,
  DisableImageDeprecationResult,
  DisableImageRequest,
  DisableImageResult,
  EnableImageDeprecationRequest,
  EnableImageDeprecationResult,
  EnableImageRequest,
  EnableImageResult,
} from "@aws-sdk/client-ec2";
import { type Action, type Call, ec2Action } from "../call.ts";
import { invalidValue, missingParameter } from "../protocol/api-error.ts";
import { findOwnImage, shareWithNobody } from "../sharing.ts";

export const IMAGE_LIFECYCLE_ACTIONS: readonly Action[] = [
  ec2Action<EnableImageDeprecationRequest, EnableImageDeprecationResult>(
    "EnableImageDeprecation",
    ["ImageId", "DeprecateAt"],
    enableImageDeprecation,
  ),
  ec2Action<DisableImageDeprecationRequest, DisableImageDeprecationResult>(
    "DisableImageDeprecation",
    ["ImageId"],
    disableImageDeprecation,
  ),
  ec2Action<DisableImageRequest, DisableImageResult>("DisableImage", ["ImageId"], disableImage),
  ec2Action<EnableImageRequest, EnableImageResult>("EnableImage", ["ImageId"], enableImage),
];

/** [SDK EnableImageDeprecationRequest]: 10 years ahead, 2 for a public image. */
const YEAR_MS = 365.25 * 24 * 3600_000;

function enableImageDeprecation(
  input: EnableImageDeprecationRequest,
  call: Call,
): EnableImageDeprecationResult {
  const image = findOwnImage(call, input.ImageId);
  if (input.DeprecateAt === undefined) throw missingParameter("DeprecateAt");
  const atMs = input.DeprecateAt.getTime();
  const latestMs = image.launch.everyone
    ? image.createdAt.getTime() + 2 * YEAR_MS
    : call.nowMs + 10 * YEAR_MS;
  if (atMs < call.nowMs || atMs > latestMs) {
    throw invalidValue(
      `Value (${input.DeprecateAt.toISOString()}) for parameter deprecateAt is invalid: it must be ` +
        `in the future and not after ${new Date(latestMs).toISOString()}`,
    );
  }
  call.commit();
  // [SDK EnableImageDeprecationRequest]: seconds are rounded to the nearest minute.
  image.deprecationTime = new Date(Math.round(atMs / 60_000) * 60_000);
  return { Return: true };
}

function disableImageDeprecation(
  input: DisableImageDeprecationRequest,
  call: Call,
): DisableImageDeprecationResult {
  const image = findOwnImage(call, input.ImageId);
  call.commit();
  image.deprecationTime = undefined;
  return { Return: true };
}

/** [SDK DisableImage]: nobody can launch it, and whom it was shared with is forgotten. */
function disableImage(input: DisableImageRequest, call: Call): DisableImageResult {
  const image = findOwnImage(call, input.ImageId);
  call.commit();
  image.disabled = true;
  shareWithNobody(image.launch);
  return { Return: true };
}

/** Whom it was shared with stays forgotten. */
function enableImage(input: EnableImageRequest, call: Call): EnableImageResult {
  const image = findOwnImage(call, input.ImageId);
  call.commit();
  image.disabled = false;
  return { Return: true };
}
