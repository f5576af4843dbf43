/** DescribeImages, RegisterImage, DeregisterImage. */

import type {
  DeregisterImageRequest,
  DeregisterImageResult,
  DescribeImagesRequest,
  DescribeImagesResult,
  Image,
  RegisterImageRequest,
  RegisterImageResult,
} from "@aws-sdk/client-ec2";
import { AMAZON_ACCOUNT_ID } from "../accounts.ts";
import { type Action, type Call, ec2Action } from "../call.ts";
import { applyFilters, type FilterTable } from "../filters.ts";
import { checkId, newId, notFound } from "../ids.ts";
import { paginate } from "../paging.ts";
import { ApiError, invalidCombination, invalidValue } from "../protocol/api-error.ts";
import type { ImageRecord } from "../records.ts";
import { findOwnImage, nobody, visibleImages } from "../sharing.ts";
import { State } from "../states.ts";
import { readTagSpecifications, tagList } from "../tags.ts";
import { planImageMappings } from "./image-mappings.ts";
import { imagesUsing, removeSnapshot } from "./snapshot-use.ts";

export const IMAGE_ACTIONS: readonly Action[] = [
  ec2Action<DescribeImagesRequest, DescribeImagesResult>(
    "DescribeImages",
    [
      "ExecutableUsers",
      "Filters",
      "ImageIds",
      "IncludeDeprecated",
      "IncludeDisabled",
      "MaxResults",
      "NextToken",
      "Owners",
    ],
    describeImages,
  ),
  ec2Action<RegisterImageRequest, RegisterImageResult>(
    "RegisterImage",
    [
      "Architecture",
      "BlockDeviceMappings",
      "BootMode",
      "Description",
      "EnaSupport",
      "ImageLocation",
      "ImdsSupport",
      "Name",
      "RootDeviceName",
      "SriovNetSupport",
      "TagSpecifications",
      "TpmSupport",
      "UefiData",
      "VirtualizationType",
    ],
    registerImage,
  ),
  ec2Action<DeregisterImageRequest, DeregisterImageResult>(
    "DeregisterImage",
    ["ImageId", "DeleteAssociatedSnapshots"],
    deregisterImage,
  ),
];

/** [SDK RegisterImageRequest.UefiData] */
const UEFI_DATA_MAX_LENGTH = 64_000;
const DESCRIPTION_MAX_LENGTH = 255;

const FILTERS: (call: Call) => FilterTable<ImageRecord> = (call) => ({
  architecture: (image) => image.architecture,
  "block-device-mapping.delete-on-termination": (image) =>
    image.mappings.map((one) => one.Ebs?.DeleteOnTermination),
  "block-device-mapping.device-name": (image) => image.mappings.map((one) => one.DeviceName),
  "block-device-mapping.encrypted": (image) => image.mappings.map((one) => one.Ebs?.Encrypted),
  "block-device-mapping.snapshot-id": (image) => image.mappings.map((one) => one.Ebs?.SnapshotId),
  "block-device-mapping.volume-size": (image) => image.mappings.map((one) => one.Ebs?.VolumeSize),
  "block-device-mapping.volume-type": (image) => image.mappings.map((one) => one.Ebs?.VolumeType),
  "boot-mode": (image) => image.bootMode,
  "creation-date": (image) => image.createdAt,
  description: (image) => image.description,
  "ena-support": (image) => image.enaSupport,
  hypervisor: () => "xen",
  "image-id": (image) => image.id,
  "image-type": () => "machine",
  "imds-support": (image) => image.imdsSupport,
  "is-public": (image) => image.launch.everyone,
  name: (image) => image.name,
  "owner-alias": (image) => ownerAlias(image),
  "owner-id": (image) => image.ownerId,
  "root-device-name": (image) => image.rootDeviceName,
  "root-device-type": (image) => image.rootDeviceType,
  "source-image-id": (image) => image.sourceImageId,
  state: (image) => shownState(image, call),
  "tpm-support": (image) => image.tpmSupport,
  "virtualization-type": (image) => image.virtualizationType,
});

function describeImages(input: DescribeImagesRequest, call: Call): DescribeImagesResult {
  const ids = input.ImageIds ?? [];
  for (const id of ids) checkId("ami", id);
  const visible = visibleImages(call);
  const missing = ids.filter(
    (id) => !visible.some((one) => one.id === id) && !isRemembered(id, call),
  );
  if (missing.length > 0) throw notFound("ami", missing);
  const wanted = visible
    .filter((image) => ids.length === 0 || ids.includes(image.id))
    .filter((image) => isOwnedBy(image, input.Owners, call))
    .filter((image) => isExecutableBy(image, input.ExecutableUsers, call))
    .filter((image) => isShown(image, input, call));
  const page = paginate(applyFilters(wanted, input.Filters, FILTERS(call)), input, {
    minimum: 1,
    maximum: 1000,
    ids,
  });
  return {
    Images: page.items.map((image) => describeImage(image, call)),
    NextToken: page.NextToken,
  };
}

/**
 * [SDK DescribeImages]: a deregistered image gives empty results until all instances of it are
 * terminated, and only then an error.
 */
function isRemembered(id: string, call: Call): boolean {
  return (
    call.store.images.get(id)?.deregistered === true &&
    [...call.store.instances.values()].some(
      (one) => one.imageId === id && one.state.at(call.nowMs) !== "terminated",
    )
  );
}

function isOwnedBy(image: ImageRecord, owners: readonly string[] | undefined, call: Call): boolean {
  if (owners === undefined || owners.length === 0) return true;
  return owners.some((owner) => {
    if (owner === "self") return image.ownerId === call.account.id;
    if (owner === "amazon") return ownerAlias(image) === "amazon";
    if (/^(aws-marketplace|aws-backup-vault)$/.test(owner)) return false;
    if (!/^\d{12}$/.test(owner)) {
      throw new ApiError("InvalidUserID.Malformed", `Invalid user id: "${owner}"`);
    }
    return image.ownerId === owner;
  });
}

function isExecutableBy(
  image: ImageRecord,
  users: readonly string[] | undefined,
  call: Call,
): boolean {
  if (users === undefined || users.length === 0) return true;
  return users.some((user) => {
    if (user === "all") return image.launch.everyone;
    return image.launch.accountIds.has(user === "self" ? call.account.id : user);
  });
}

/** Other people's deprecated images, and disabled ones, only when asked for. */
function isShown(image: ImageRecord, input: DescribeImagesRequest, call: Call): boolean {
  if (image.disabled && input.IncludeDisabled !== true) return false;
  const own = image.ownerId === call.account.id;
  const deprecated = (image.deprecationTime?.getTime() ?? Number.POSITIVE_INFINITY) <= call.nowMs;
  return !deprecated || own || input.IncludeDeprecated === true;
}

function describeImage(image: ImageRecord, call: Call): Image {
  const alias = ownerAlias(image);
  return {
    ImageId: image.id,
    ImageLocation: `${alias ?? image.ownerId}/${image.name}`,
    State: shownState(image, call),
    OwnerId: image.ownerId,
    Public: image.launch.everyone && !image.disabled,
    Architecture: image.architecture as NonNullable<Image["Architecture"]>,
    ImageType: "machine",
    ...(alias === undefined ? {} : { ImageOwnerAlias: alias }),
    Name: image.name,
    ...(image.description === undefined ? {} : { Description: image.description }),
    RootDeviceType: image.rootDeviceType,
    ...(image.rootDeviceName === "" ? {} : { RootDeviceName: image.rootDeviceName }),
    BlockDeviceMappings: [...image.mappings],
    VirtualizationType: image.virtualizationType as NonNullable<Image["VirtualizationType"]>,
    Hypervisor: "xen",
    EnaSupport: image.enaSupport,
    CreationDate: image.createdAt.toISOString(),
    PlatformDetails: "Linux/UNIX",
    UsageOperation: "RunInstances",
    ...pick("SriovNetSupport", image.sriovNetSupport),
    ...pick("BootMode", image.bootMode as Image["BootMode"]),
    ...pick("TpmSupport", image.tpmSupport as Image["TpmSupport"]),
    ...pick("ImdsSupport", image.imdsSupport as Image["ImdsSupport"]),
    ...pick("DeprecationTime", image.deprecationTime?.toISOString()),
    ...pick("SourceImageId", image.sourceImageId),
    ...pick("SourceImageRegion", image.sourceImageRegion),
    // Tags are the owner's own affair.
    ...(image.ownerId === call.account.id ? tagList(image.tags) : {}),
  };
}

function pick<Key extends string, Value>(
  key: Key,
  value: Value | undefined,
): Partial<Record<Key, Value>> {
  const picked: Partial<Record<Key, Value>> = {};
  if (value !== undefined) picked[key] = value;
  return picked;
}

function shownState(image: ImageRecord, call: Call): NonNullable<Image["State"]> {
  return image.disabled ? "disabled" : image.state.at(call.nowMs);
}

function ownerAlias(image: ImageRecord): string | undefined {
  return image.ownerId === AMAZON_ACCOUNT_ID ? "amazon" : undefined;
}

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

function registerImage(input: RegisterImageRequest, call: Call): RegisterImageResult {
  const name = input.Name ?? "";
  checkImageName(call, name);
  checkDescription(input.Description);
  checkBoot(input);
  const instanceStore = input.ImageLocation !== undefined;
  const mappings = instanceStore ? [] : planImageMappings(call, input);
  const tags = readTagSpecifications(input.TagSpecifications, ["image"])("image");
  call.commit();
  const id = newId("ami");
  call.store.images.set(id, {
    id,
    tags,
    ownerId: call.account.id,
    name,
    description: input.Description,
    architecture: input.Architecture ?? "i386",
    virtualizationType: input.VirtualizationType ?? "paravirtual",
    rootDeviceName: input.RootDeviceName ?? "",
    rootDeviceType: instanceStore ? "instance-store" : "ebs",
    bootMode: input.BootMode,
    tpmSupport: input.TpmSupport,
    uefiData: input.UefiData,
    imdsSupport: input.ImdsSupport,
    enaSupport: input.EnaSupport ?? false,
    sriovNetSupport: input.SriovNetSupport,
    mappings,
    createdAt: call.now,
    state: new State<"pending" | "available" | "failed">("pending", call.nowMs).later(
      "available",
      call.nowMs + call.cloud.delays.imagePending,
    ),
    sourceImageId: undefined,
    sourceImageRegion: undefined,
    launch: nobody(),
    deprecationTime: undefined,
    disabled: false,
    deregistered: false,
  });
  return { ImageId: id };
}

/** The defaults are EC2's own and a trap: i386 and paravirtual. */
function checkBoot(input: RegisterImageRequest): void {
  const { Architecture: architecture = "i386", VirtualizationType: kind = "paravirtual" } = input;
  oneOf("architecture", architecture, ["i386", "x86_64", "arm64", "x86_64_mac", "arm64_mac"]);
  oneOf("virtualizationType", kind, ["hvm", "paravirtual"]);
  oneOf("bootMode", input.BootMode, ["legacy-bios", "uefi", "uefi-preferred"]);
  oneOf("tpmSupport", input.TpmSupport, ["v2.0"]);
  oneOf("imdsSupport", input.ImdsSupport, ["v2.0"]);
  oneOf("sriovNetSupport", input.SriovNetSupport, ["simple"]);
  if (input.TpmSupport !== undefined && input.BootMode !== "uefi") {
    throw invalidCombination("NitroTPM requires the boot mode uefi");
  }
  if (kind === "paravirtual" && (input.EnaSupport === true || architecture === "arm64")) {
    throw invalidCombination(
      `The virtualization type paravirtual does not go with ${input.EnaSupport === true ? "ENA" : architecture}`,
    );
  }
  if ((input.UefiData?.length ?? 0) > UEFI_DATA_MAX_LENGTH) {
    throw invalidValue(`UefiData is longer than ${UEFI_DATA_MAX_LENGTH} characters.`);
  }
  checkStorage(input);
}

/** Disks, or a manifest in S3: then it is an instance-store image, which nobody can launch here. */
function checkStorage(input: RegisterImageRequest): void {
  const { ImageLocation: manifest } = input;
  if (manifest !== undefined) {
    if (input.BlockDeviceMappings !== undefined || input.RootDeviceName !== undefined) {
      throw invalidCombination("An image has either a manifest or block device mappings");
    }
    if (!/^[^/]+\/.+\.manifest\.xml$/.test(manifest)) {
      throw new ApiError("InvalidManifest", `${manifest} is not the manifest of an image`);
    }
  } else if (input.RootDeviceName === undefined) {
    throw new ApiError("MissingParameter", "The request must contain the parameter rootDeviceName");
  }
}

function oneOf(name: string, value: string | undefined, allowed: readonly string[]): void {
  if (value !== undefined && !allowed.includes(value)) {
    throw invalidValue(`Value (${value}) for parameter ${name} is invalid.`);
  }
}

async function deregisterImage(
  input: DeregisterImageRequest,
  call: Call,
): Promise<DeregisterImageResult> {
  const image = findOwnImage(call, input.ImageId);
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
