/** RegisterImage. */

import type { RegisterImageRequest, RegisterImageResult } from "@aws-sdk/client-ec2";
import { type Action, type Call, ec2Action } from "../call.ts";
import { type Billing, PLAIN_LINUX, withProductCodes } from "../catalog/billing.ts";
import { hasKernel } from "../catalog/kernels.ts";
import { makeImage } from "../image-making.ts";
import { ApiError, invalidCombination, invalidValue } from "../protocol/api-error.ts";
import type { ImageRecord, ImageState } from "../records/image.ts";
import { findSnapshot } from "../sharing.ts";
import { State } from "../states.ts";
import { readTagSpecifications } from "../tags.ts";
import { planImageMappings } from "./image-mappings.ts";
import { checkDescription, checkImageName } from "./image-name.ts";
import { checkOneOf } from "./one-of.ts";

export const REGISTER_IMAGE: Action = ec2Action<RegisterImageRequest, RegisterImageResult>(
  "RegisterImage",
  [
    "Architecture",
    "BillingProducts",
    "BlockDeviceMappings",
    "BootMode",
    "Description",
    "EnaSupport",
    "ImageLocation",
    "ImdsSupport",
    "KernelId",
    "Name",
    "RamdiskId",
    "RootDeviceName",
    "SriovNetSupport",
    "TagSpecifications",
    "TpmSupport",
    "UefiData",
    "VirtualizationType",
  ],
  registerImage,
);

/** [SDK RegisterImageRequest.UefiData] */
const UEFI_DATA_MAX_LENGTH = 64_000;

function registerImage(input: RegisterImageRequest, call: Call): RegisterImageResult {
  const name = input.Name ?? "";
  checkImageName(call, name);
  checkDescription(input.Description);
  checkBoot(input);
  checkKernel(input, call);
  checkStorage(input);
  if (input.BillingProducts !== undefined && input.BillingProducts.length > 0) {
    // [SDK RegisterImageRequest.BillingProducts]: only accounts that Amazon has authorized.
    throw new ApiError(
      "AuthFailure",
      `Not authorized for the billing products ${input.BillingProducts.join(", ")}`,
    );
  }
  const instanceStore = input.ImageLocation !== undefined;
  const mappings = instanceStore ? [] : planImageMappings(call, input);
  const tags = readTagSpecifications(input.TagSpecifications, ["image"])("image");
  call.commit();
  const image = makeImage({
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
    kernelId: input.KernelId,
    ramdiskId: input.RamdiskId,
    billing: deriveBilling(call, mappings, input.RootDeviceName),
    mappings,
    createdAt: call.now,
    state: new State<ImageState>("pending", call.nowMs).later(
      "available",
      call.nowMs + call.cloud.delays.imagePending,
    ),
  });
  call.store.images.set(image.id, image);
  return { ImageId: image.id };
}

/**
 * [SDK RegisterImage]: from the metadata of the root's snapshot, which one that was filled byte by
 * byte has not; product codes from all snapshots.
 */
function deriveBilling(
  call: Call,
  mappings: ImageRecord["mappings"],
  rootDeviceName: string | undefined,
): Billing {
  const billingAt = (id: string | undefined) =>
    id === undefined ? undefined : findSnapshot(call, id).billing;
  const root = mappings.find((one) => one.DeviceName === rootDeviceName);
  return withProductCodes(
    billingAt(root?.Ebs?.SnapshotId) ?? PLAIN_LINUX,
    mappings.map((one) => billingAt(one.Ebs?.SnapshotId)),
  );
}

/** The defaults are EC2's own and a trap: i386 and paravirtual. */
function checkBoot(input: RegisterImageRequest): void {
  const { Architecture: architecture = "i386", VirtualizationType: kind = "paravirtual" } = input;
  checkOneOf(architecture, ["i386", "x86_64", "arm64", "x86_64_mac", "arm64_mac"], "architecture");
  checkOneOf(kind, ["hvm", "paravirtual"], "virtualizationType");
  checkOneOf(input.BootMode, ["legacy-bios", "uefi", "uefi-preferred"], "bootMode");
  checkOneOf(input.TpmSupport, ["v2.0"], "tpmSupport");
  checkOneOf(input.ImdsSupport, ["v2.0"], "imdsSupport");
  checkOneOf(input.SriovNetSupport, ["simple"], "sriovNetSupport");
  if (input.TpmSupport !== undefined && input.BootMode !== "uefi") {
    throw invalidCombination("NitroTPM requires the boot mode uefi");
  }
  if (kind === "paravirtual") {
    const network = input.EnaSupport === true ? "ENA" : input.SriovNetSupport && "SR-IOV";
    const wrong = network ?? (["i386", "x86_64"].includes(architecture) ? undefined : architecture);
    if (wrong !== undefined) {
      throw invalidCombination(`The virtualization type paravirtual does not go with ${wrong}`);
    }
  }
  checkUefiData(input.UefiData);
}

function checkUefiData(data: string | undefined): void {
  if (data === undefined) return;
  if (data.length > UEFI_DATA_MAX_LENGTH) {
    throw invalidValue(`UefiData is longer than ${UEFI_DATA_MAX_LENGTH} characters.`);
  }
  if (data === "" || !/^[A-Za-z0-9+/]+={0,2}$/.test(data) || data.length % 4 !== 0) {
    throw invalidValue("UefiData is not valid base64.");
  }
}

/** Kernels are a region's own and belong to paravirtual images. */
function checkKernel(input: RegisterImageRequest, call: Call): void {
  const { KernelId: kernelId, RamdiskId: ramdiskId } = input;
  if (kernelId === undefined && ramdiskId === undefined) return;
  if (input.VirtualizationType === "hvm") {
    throw invalidCombination("A kernel or RAM disk cannot be specified for an HVM image.");
  }
  if (kernelId !== undefined && !hasKernel(call.region.name, kernelId)) {
    throw new ApiError("InvalidAMIID.NotFound", `The kernel '${kernelId}' does not exist`);
  }
  if (ramdiskId !== undefined && !/^ari-[0-9a-f]{8}$/.test(ramdiskId)) {
    throw new ApiError("InvalidAMIID.NotFound", `The RAM disk '${ramdiskId}' does not exist`);
  }
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
