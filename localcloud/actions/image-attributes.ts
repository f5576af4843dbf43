/** DescribeImageAttribute, ModifyImageAttribute, ResetImageAttribute. */

import type {
  DescribeImageAttributeRequest,
  ImageAttribute,
  ModifyImageAttributeRequest,
  ResetImageAttributeRequest,
} from "@aws-sdk/client-ec2";
import { type Action, type Call, ec2Action } from "../call.ts";
import { shownProductCodes } from "../catalog/billing.ts";
import { ApiError, invalidValue } from "../protocol/api-error.ts";
import type { ImageRecord } from "../records/image.ts";
import { findOwnImage, shareWithNobody } from "../sharing.ts";
import { checkDescription } from "./image-name.ts";
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
      "OrganizationArns",
      "OrganizationalUnitArns",
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
];

/** [UG ami-quotas] */
const ENTITIES_MAX_COUNT = 1000;

function describeImageAttribute(input: DescribeImageAttributeRequest, call: Call): ImageAttribute {
  const image = findOwnImage(call, input.ImageId);
  const attribute = input.Attribute ?? "";
  const value = (text: string | undefined) => (text === undefined ? {} : { Value: text });
  const shown: Readonly<Record<string, Omit<ImageAttribute, "ImageId">>> = {
    bootMode: { BootMode: value(image.bootMode) },
    description: { Description: value(image.description) },
    imdsSupport: { ImdsSupport: value(image.imdsSupport) },
    kernel: { KernelId: value(image.kernelId) },
    launchPermission: { LaunchPermissions: shareItems(image.launch) },
    productCodes: { ProductCodes: shownProductCodes(image.billing) },
    ramdisk: { RamdiskId: value(image.ramdiskId) },
    sriovNetSupport: { SriovNetSupport: value(image.sriovNetSupport) },
    tpmSupport: { TpmSupport: value(image.tpmSupport) },
    uefiData: { UefiData: value(image.uefiData) },
    lastLaunchedTime: { LastLaunchedTime: value(image.lastLaunchedAt?.toISOString()) },
    deregistrationProtection: { DeregistrationProtection: { Value: image.protection.state } },
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
    return { add: permission.Add ?? [], remove: permission.Remove ?? [] };
  }
  if (attribute === "launchPermission" || (attribute === undefined && input.OperationType)) {
    return readOldForm({
      ...input,
      Groups: input.UserGroups,
      OrganizationArns: [
        ...(input.OrganizationArns ?? []),
        ...(input.OrganizationalUnitArns ?? []),
      ],
    });
  }
  if (attribute !== undefined && attribute !== "description") throw invalidAttribute(attribute);
  return undefined;
}

function checkLaunchChange(call: Call, image: ImageRecord, change: ShareChange): void {
  checkShareChange(call, change, "InvalidAMIAttributeItemValue");
  if (image.disabled && change.add.length > 0) {
    throw new ApiError("InvalidAMIID.Unavailable", `The image ID '${image.id}' is disabled`);
  }
  if (opensToEveryone(change)) checkMayBePublic(call, image);
  const held = shareItems(image.launch).length + change.add.length - change.remove.length;
  if (held > ENTITIES_MAX_COUNT) {
    throw new ApiError(
      "ResourceLimitExceeded",
      `An image can be shared with ${ENTITIES_MAX_COUNT} entities.`,
    );
  }
}

/** [SDK ModifyImageAttribute, AttachImageWatermark, EnableImageBlockPublicAccess], [UG ami-quotas] */
function checkMayBePublic(call: Call, image: ImageRecord): void {
  const refuse = (message: string) => new ApiError("OperationNotPermitted", message);
  if (call.store.settings.imageBlockPublicAccess !== "unblocked") {
    throw refuse(
      "You can’t publicly share this image because block public access for AMIs is enabled for " +
        "this account. To publicly share the image, you must call the " +
        "DisableImageBlockPublicAccess API.",
    );
  }
  if (image.mappings.some((one) => one.Ebs?.Encrypted)) {
    throw refuse(`The image ${image.id} has encrypted snapshots and cannot be made public`);
  }
  if (image.billing.productCodes.length > 0) {
    throw refuse(`The image ${image.id} has product codes and cannot be made public`);
  }
  if (image.watermarks.length > 0) {
    throw refuse(`The image ${image.id} has watermarks and cannot be made public`);
  }
  const { publicImages: most } = call.store.settings.quotas;
  const others = [...call.store.images.values()].filter(
    (one) => one.id !== image.id && one.launch.everyone && !one.deregistered,
  );
  if (others.length >= most) {
    throw new ApiError(
      "ResourceLimitExceeded",
      `You have reached the limit of ${most} public images.`,
    );
  }
}

function resetImageAttribute(input: ResetImageAttributeRequest, call: Call): object {
  const image = findOwnImage(call, input.ImageId);
  if (input.Attribute !== "launchPermission") throw invalidAttribute(input.Attribute ?? "");
  call.commit();
  shareWithNobody(image.launch);
  return {};
}

function invalidAttribute(name: string): ApiError {
  return invalidValue(`Value (${name}) for parameter attribute is invalid. Unknown attribute.`);
}
