/** DeregisterImage, and the protection that forbids it. [UG ami-deregistration-protection] */

import type {
  DeregisterImageRequest,
  DeregisterImageResult,
  DisableImageDeregistrationProtectionRequest,
  DisableImageDeregistrationProtectionResult,
  EnableImageDeregistrationProtectionRequest,
  EnableImageDeregistrationProtectionResult,
} from "@aws-sdk/client-ec2";
import { type Action, type Call, ec2Action } from "../call.ts";
import { ApiError } from "../protocol/api-error.ts";
import type { ImageRecord } from "../records/image.ts";
import { findOwnImage } from "../sharing.ts";
import { imagesUsing, removeSnapshot } from "./snapshot-use.ts";

export const DEREGISTER_ACTIONS: readonly Action[] = [
  ec2Action<DeregisterImageRequest, DeregisterImageResult>(
    "DeregisterImage",
    ["ImageId", "DeleteAssociatedSnapshots"],
    deregisterImage,
  ),
  ec2Action<EnableImageDeregistrationProtectionRequest, EnableImageDeregistrationProtectionResult>(
    "EnableImageDeregistrationProtection",
    ["ImageId", "WithCooldown"],
    enableProtection,
  ),
  ec2Action<
    DisableImageDeregistrationProtectionRequest,
    DisableImageDeregistrationProtectionResult
  >("DisableImageDeregistrationProtection", ["ImageId"], disableProtection),
];

async function deregisterImage(
  input: DeregisterImageRequest,
  call: Call,
): Promise<DeregisterImageResult> {
  const image = findOwnImage(call, input.ImageId);
  checkUnprotected(call, image);
  call.commit();
  image.deregistered = true;
  if (input.DeleteAssociatedSnapshots !== true) return { Return: true };
  const results: NonNullable<DeregisterImageResult["DeleteSnapshotResults"]> = [];
  for (const id of new Set(image.mappings.flatMap((one) => one.Ebs?.SnapshotId ?? []))) {
    const snapshot = call.store.snapshots.get(id);
    if (snapshot === undefined) {
      results.push({ SnapshotId: id, ReturnCode: "missing-permissions" });
    } else if (imagesUsing(call, id).length > 0) {
      // [SDK DeregisterImage]: snapshots of several images are kept.
      results.push({ SnapshotId: id, ReturnCode: "skipped" });
    } else {
      await removeSnapshot(call.store, snapshot);
      results.push({ SnapshotId: id, ReturnCode: "success" });
    }
  }
  return { Return: true, DeleteSnapshotResults: results };
}

function checkUnprotected(call: Call, { id, protection }: ImageRecord): void {
  if (protection.state !== "disabled") {
    throw new ApiError(
      "OperationNotPermitted",
      `The image ${id} has deregistration protection (${protection.state}) and cannot be deregistered.`,
    );
  }
  const { cooldownEndsAt } = protection;
  if (cooldownEndsAt !== undefined && call.nowMs < cooldownEndsAt.getTime()) {
    throw new ApiError(
      "OperationNotPermitted",
      `The deregistration protection of the image ${id} was disabled with a cooldown: it cannot be ` +
        `deregistered before ${cooldownEndsAt.toISOString()}.`,
    );
  }
}

function enableProtection(
  input: EnableImageDeregistrationProtectionRequest,
  call: Call,
): EnableImageDeregistrationProtectionResult {
  const image = findOwnImage(call, input.ImageId);
  call.commit();
  const state =
    input.WithCooldown === true ? "enabled-with-cooldown" : ("enabled-without-cooldown" as const);
  image.protection = { state };
  return { Return: "true" };
}

/** With a cooldown the image stays protected for a day from now. */
function disableProtection(
  input: DisableImageDeregistrationProtectionRequest,
  call: Call,
): DisableImageDeregistrationProtectionResult {
  const image = findOwnImage(call, input.ImageId);
  call.commit();
  const cooldownMs = call.cloud.delays.deregistrationCooldown;
  if (image.protection.state === "enabled-with-cooldown") {
    const cooldownEndsAt = new Date(call.nowMs + cooldownMs);
    image.protection = { state: "disabled", cooldownEndsAt };
  } else if (image.protection.state === "enabled-without-cooldown") {
    image.protection = { state: "disabled" };
  }
  return { Return: "true" };
}
