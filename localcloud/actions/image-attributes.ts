/** DescribeImageAttribute, ModifyImageAttribute, ResetImageAttribute, deprecation, disabling. */

import type {
  DescribeImageAttributeRequest,
  DisableImageDeprecationRequest,
  DisableImageDeprecationResult,
  DisableImageRequest,
  DisableImageResult,
  EnableImageDeprecationRequest,
  EnableImageDeprecationResult,
  EnableImageRequest,
  EnableImageResult,
  ImageAttribute,
  ModifyImageAttributeRequest,
  ResetImageAttributeRequest,
} from "@aws-sdk/client-ec2";
import { type Action, type Call, ec2Action } from "../call.ts";
import { ApiError, invalidValue, missingParameter, unsupported } from "../protocol/api-error.ts";
import type { ImageRecord } from "../records.ts";
import { findOwnImage } from "../sharing.ts";
import { checkDescription } from "./images.ts";
import {
  applyShareChange,
  checkShareChange,
  opensToEveryone,
  readOldForm,
  type ShareChange,
  shareItems,
} from "./share-changes.ts";

export const IMAGE_ATTRIBUTE_ACTIONS: readonly Action[] = [
  ec2Action<DescribeImageAttributeRequest, ImageAttribute>(
    "DescribeImageAttribute",
    ["Attribute", "ImageId"],
    describeImageAttribute,
  ),
  ec2Action<ModifyImageAttributeRequest, object>(
    "ModifyImageAttribute",
    [
      "Attribute",
      "Description",
      "ImageId",
      "ImdsSupport",
      "LaunchPermission",
      "OperationType",
      "UserGroups",
      "UserIds",
      "Value",
    ],
    modifyImageAttribute,
  ),
  ec2Action<ResetImageAttributeRequest, object>(
    "ResetImageAttribute",
    ["Attribute", "ImageId"],
    resetImageAttribute,
  ),
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

function describeImageAttribute(input: DescribeImageAttributeRequest, call: Call): ImageAttribute {
  const image = findOwnImage(call, input.ImageId);
  const attribute = input.Attribute ?? "";
  const value = (text: string | undefined) => (text === undefined ? {} : { Value: text });
  const shown: Readonly<Record<string, Omit<ImageAttribute, "ImageId">>> = {
    bootMode: { BootMode: value(image.bootMode) },
    description: { Description: value(image.description) },
    imdsSupport: { ImdsSupport: value(image.imdsSupport) },
    kernel: { KernelId: {} },
    launchPermission: { LaunchPermissions: shareItems(image.launch) },
    productCodes: { ProductCodes: [] },
    ramdisk: { RamdiskId: {} },
    sriovNetSupport: { SriovNetSupport: value(image.sriovNetSupport) },
    tpmSupport: { TpmSupport: value(image.tpmSupport) },
    uefiData: { UefiData: value(image.uefiData) },
    lastLaunchedTime: { LastLaunchedTime: {} },
    deregistrationProtection: { DeregistrationProtection: { Value: "disabled" } },
  };
  if (attribute === "blockDeviceMapping") {
    // The real one answers so, to everybody. [SDK DescribeImageAttribute]
    throw new ApiError("AuthFailure", "Unauthorized attempt to access restricted resource");
  }
  const found = Object.hasOwn(shown, attribute) ? shown[attribute] : undefined;
  if (found === undefined) throw invalidAttribute(attribute);
  return { ImageId: image.id, ...found };
}

function modifyImageAttribute(input: ModifyImageAttributeRequest, call: Call): object {
  const image = findOwnImage(call, input.ImageId);
  const description = readDescription(input);
  const change = readLaunchChange(input);
  checkDescription(description);
  if (input.ImdsSupport !== undefined && input.ImdsSupport.Value !== "v2.0") {
    throw invalidValue(`Value (${input.ImdsSupport.Value}) for parameter imdsSupport is invalid.`);
  }
  if (change !== undefined) checkLaunchChange(call, image, change);
  const asked = [description, change, input.ImdsSupport].filter((one) => one !== undefined);
  // [SDK ModifyImageAttribute]: only one attribute at a time.
  if (asked.length !== 1) {
    throw new ApiError(
      asked.length === 0 ? "MissingParameter" : "InvalidParameterCombination",
      "Exactly one attribute must be modified in a call",
    );
  }
  call.commit();
  if (description !== undefined) image.description = description;
  if (input.ImdsSupport !== undefined) image.imdsSupport = "v2.0";
  if (change !== undefined) applyShareChange(image.launch, change);
  return {};
}

function readDescription(input: ModifyImageAttributeRequest): string | undefined {
  if (input.Description !== undefined) return input.Description.Value ?? "";
  return input.Attribute === "description" ? (input.Value ?? "") : undefined;
}

function readLaunchChange(input: ModifyImageAttributeRequest): ShareChange | undefined {
  const { LaunchPermission: permission, Attribute: attribute } = input;
  if (permission !== undefined) {
    const items = [...(permission.Add ?? []), ...(permission.Remove ?? [])];
    if (items.some((one) => one.OrganizationArn ?? one.OrganizationalUnitArn)) {
      throw unsupported("launch permissions of organizations");
    }
    return { add: permission.Add ?? [], remove: permission.Remove ?? [] };
  }
  if (attribute === "launchPermission" || (attribute === undefined && input.OperationType)) {
    return readOldForm({ ...input, Groups: input.UserGroups });
  }
  if (attribute !== undefined && attribute !== "description") throw invalidAttribute(attribute);
  return undefined;
}

function checkLaunchChange(call: Call, image: ImageRecord, change: ShareChange): void {
  checkShareChange(call, change, "InvalidAMIAttributeItemValue");
  if (opensToEveryone(change) && image.mappings.some((one) => one.Ebs?.Encrypted)) {
    throw new ApiError(
      "OperationNotPermitted",
      `The image ${image.id} has encrypted snapshots and cannot be made public`,
    );
  }
  if (image.disabled && change.add.length > 0) {
    throw new ApiError("InvalidAMIID.Unavailable", `The image ID '${image.id}' is disabled`);
  }
}

function resetImageAttribute(input: ResetImageAttributeRequest, call: Call): object {
  const image = findOwnImage(call, input.ImageId);
  if (input.Attribute !== "launchPermission") throw invalidAttribute(input.Attribute ?? "");
  call.commit();
  image.launch.accountIds.clear();
  image.launch.everyone = false;
  return {};
}

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
  image.launch.accountIds.clear();
  image.launch.everyone = false;
  return { Return: true };
}

function enableImage(input: EnableImageRequest, call: Call): EnableImageResult {
  const image = findOwnImage(call, input.ImageId);
  call.commit();
  image.disabled = false;
  return { Return: true };
}

function invalidAttribute(name: string): ApiError {
  return invalidValue(`Value (${name}) for parameter attribute is invalid. Unknown attribute.`);
}
