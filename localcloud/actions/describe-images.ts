/** DescribeImages. */

import type { DescribeImagesRequest, DescribeImagesResult, Image } from "@aws-sdk/client-ec2";
import { isAllowed } from "../allowed-images.ts";
import { type Action, type Call, ec2Action } from "../call.ts";
import { isWindows, shownProductCodes, WINDOWS_PLATFORM } from "../catalog/billing.ts";
import { applyFilters, type FilterTable } from "../filters.ts";
import { checkId, notFound } from "../ids.ts";
import { paginate } from "../paging.ts";
import { ApiError } from "../protocol/api-error.ts";
import type { ImageRecord } from "../records/image.ts";
import { isSharedWith, visibleImages } from "../sharing.ts";
import { tagList } from "../tags.ts";

export const DESCRIBE_IMAGES: Action = ec2Action<DescribeImagesRequest, DescribeImagesResult>(
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
);

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
  "image-allowed": (image) => allowed(image, call),
  "image-id": (image) => image.id,
  "image-type": () => "machine",
  "imds-support": (image) => image.imdsSupport,
  "is-public": (image) => image.launch.everyone,
  "kernel-id": (image) => image.kernelId,
  name: (image) => image.name,
  "owner-alias": (image) => image.ownerAlias,
  "owner-id": (image) => image.ownerId,
  // The filter knows only this one value. [SDK DescribeImages]
  platform: (image) => (isWindows(image.billing) ? "windows" : undefined),
  "product-code": (image) => image.billing.productCodes.map((code) => code.id),
  "product-code.type": (image) => image.billing.productCodes.map((code) => code.type),
  "ramdisk-id": (image) => image.ramdiskId,
  "root-device-name": (image) => image.rootDeviceName,
  "root-device-type": (image) => image.rootDeviceType,
  "source-image-id": (image) => image.sourceImageId,
  "source-image-region": (image) => image.sourceImageRegion,
  "source-instance-id": (image) => image.sourceInstanceId,
  "sriov-net-support": (image) => image.sriovNetSupport,
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
    if (/^(amazon|aws-marketplace|aws-backup-vault)$/.test(owner)) {
      return image.ownerAlias === owner;
    }
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
    const { partition } = call.account;
    return isSharedWith(image.launch, { id: user === "self" ? call.account.id : user, partition });
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
  return {
    ImageId: image.id,
    ImageLocation: `${image.ownerAlias ?? image.ownerId}/${image.name}`,
    State: shownState(image, call),
    OwnerId: image.ownerId,
    Public: image.launch.everyone && !image.disabled,
    Architecture: image.architecture as NonNullable<Image["Architecture"]>,
    ImageType: "machine",
    ...pick("ImageOwnerAlias", image.ownerAlias),
    Name: image.name,
    ...pick("Description", image.description),
    RootDeviceType: image.rootDeviceType,
    ...(image.rootDeviceName === "" ? {} : { RootDeviceName: image.rootDeviceName }),
    BlockDeviceMappings: [...image.mappings],
    VirtualizationType: image.virtualizationType as NonNullable<Image["VirtualizationType"]>,
    Hypervisor: "xen",
    EnaSupport: image.enaSupport,
    CreationDate: image.createdAt.toISOString(),
    PlatformDetails: image.billing.platformDetails,
    UsageOperation: image.billing.usageOperation,
    ...(isWindows(image.billing) ? { Platform: WINDOWS_PLATFORM } : {}),
    ...(image.billing.productCodes.length === 0
      ? {}
      : { ProductCodes: shownProductCodes(image.billing) }),
    ...pick("SriovNetSupport", image.sriovNetSupport),
    ...pick("KernelId", image.kernelId),
    ...pick("RamdiskId", image.ramdiskId),
    ...pick("BootMode", image.bootMode as Image["BootMode"]),
    ...pick("TpmSupport", image.tpmSupport as Image["TpmSupport"]),
    ...pick("ImdsSupport", image.imdsSupport as Image["ImdsSupport"]),
    ...pick("DeprecationTime", image.deprecationTime?.toISOString()),
    ...pick("SourceImageId", image.sourceImageId),
    ...pick("SourceImageRegion", image.sourceImageRegion),
    ...pick("StateReason", shownReason(image)),
    ...pick("InstanceTypeSpecification", shownInstanceTypes(image)),
    ...pick("ImageAllowed", allowed(image, call)),
    ...shownWatermarks(image),
    ...(image.ownerId === call.account.id ? describeForOwner(image) : {}),
  };
}

/** What is the owner's own affair. */
function describeForOwner(image: ImageRecord): Partial<Image> {
  return {
    DeregistrationProtection: image.protection.state,
    ...pick("LastLaunchedTime", image.lastLaunchedAt?.toISOString()),
    ...pick("SourceInstanceId", image.sourceInstanceId),
    ...tagList(image.tags),
  };
}

function shownReason({ stateReason }: ImageRecord): Image["StateReason"] {
  return stateReason && { Code: stateReason.code, Message: stateReason.message };
}

function shownInstanceTypes({ instanceTypes }: ImageRecord): Image["InstanceTypeSpecification"] {
  if (instanceTypes === undefined) return undefined;
  const items = (names: readonly string[]) => names.map((InstanceType) => ({ InstanceType }));
  return {
    SupportedInstanceTypes: items(instanceTypes.supported),
    UnsupportedInstanceTypes: items(instanceTypes.unsupported),
  };
}

function shownWatermarks({ watermarks }: ImageRecord): Partial<Image> {
  if (watermarks.length === 0) return {};
  return {
    ImageWatermarks: watermarks.map((one) => ({
      WatermarkKey: one.key,
      SourceImageId: one.imageId,
      SourceImageRegion: one.regionName,
      WatermarkCreationTime: one.attachedAt,
    })),
  };
}

/** Said only where the setting is in use. [SDK Image.ImageAllowed] */
function allowed(image: ImageRecord, call: Call): boolean | undefined {
  const { settings } = call.store;
  if (settings.allowedImages.state === "disabled") return undefined;
  return isAllowed(settings, image, { accountId: call.account.id, nowMs: call.nowMs });
}

function pick<Key extends keyof Image>(
  key: Key,
  value: Image[Key] | undefined,
): Partial<Pick<Image, Key>> {
  const picked: Partial<Pick<Image, Key>> = {};
  if (value !== undefined) picked[key] = value;
  return picked;
}

function shownState(image: ImageRecord, call: Call): NonNullable<Image["State"]> {
  return image.disabled ? "disabled" : image.state.at(call.nowMs);
}
