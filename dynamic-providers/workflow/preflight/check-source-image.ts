/** Is the source an image that can be copied? Pure. */

import type { Image } from "../../ec2/image.ts";
import type { CopyRequest } from "../copy-request.ts";
import { isLicensed } from "../license-donor.ts";
import type { Problem } from "./problem.ts";

const PROPERTY = "sourceAmiId";

/** @param image - `undefined`: there is none for us. */
export function checkSourceImage(
  request: Pick<CopyRequest, "sourceAmiId" | "kernelId">,
  image: Image | undefined,
  { region, accountId }: { readonly region: string; readonly accountId: string },
): Problem[] {
  const imageId = request.sourceAmiId;
  if (!isImageId(imageId)) {
    return [
      problem(`${imageId} is not the id of an image.`, 'Give "ami-" and 8 or 17 hex digits.'),
    ];
  }
  if (image === undefined) {
    return [
      problem(
        `${imageId} does not exist in ${region}, or account ${accountId} may not use it.`,
        "Check the id and the region, or have the image shared with that account.",
      ),
    ];
  }
  const problems = [stateProblem(image, region), ...kindProblems(request, image)];
  return problems.filter((one) => one !== undefined);
}

/** `ami-` and 8 or 17 hex digits. */
export function isImageId(text: string): boolean {
  return /^ami-[0-9a-f]{8}([0-9a-f]{9})?$/.test(text);
}

function stateProblem({ imageId, state }: Image, region: string): Problem | undefined {
  if (state === "available" || state === "disabled") return undefined;
  return problem(
    `${imageId} in ${region} is ${state} and not available.`,
    state === "pending" ? "Wait until it is available, then run again." : "Give another image.",
  );
}

function kindProblems(
  { kernelId }: Pick<CopyRequest, "kernelId">,
  image: Image,
): (Problem | undefined)[] {
  const { imageId, rootDeviceType, architecture } = image;
  if (rootDeviceType !== "ebs") {
    return [
      problem(
        `${imageId} is backed by ${rootDeviceType || "instance-store"} and not by EBS.`,
        "Only EBS-backed images can be copied.",
      ),
    ];
  }
  const hasRoot = image.blockDevices.some(
    ({ kind, deviceName }) => kind === "snapshot" && deviceName === image.rootDeviceName,
  );
  return [
    hasRoot
      ? undefined
      : problem(`${imageId} has no snapshot for its root device.`, "Give another image."),
    kernelProblem(image, kernelId),
    // One that is licensed is not registered.
    image.tpmSupport !== undefined && image.bootMode === "uefi-preferred" && !isLicensed(image)
      ? problem(
          `${imageId} has NitroTPM with boot mode uefi-preferred, which RegisterImage refuses.`,
          "Give an image with boot mode uefi.",
        )
      : undefined,
    ["i386", "x86_64", "arm64"].includes(architecture)
      ? undefined
      : problem(`${imageId} is for ${architecture}.`, "Images for Macs cannot be copied."),
  ];
}

function kernelProblem(
  { imageId, virtualizationType }: Image,
  kernelId: string | undefined,
): Problem | undefined {
  if (virtualizationType === "hvm") {
    if (kernelId === undefined) return undefined;
    const message = `${imageId} is hvm, which takes no kernel image.`;
    return { property: "kernelId", message, hint: "Leave out kernelId." };
  }
  if (kernelId !== undefined) return undefined;
  return problem(
    `${imageId} is ${virtualizationType}, which needs a kernel image of its region.`,
    "Give kernelId with a PV-GRUB kernel (aki-…) of the destination's region.",
  );
}

function problem(message: string, hint: string): Problem {
  return { property: PROPERTY, message, hint };
}
