/** What an owner says of the use of an image: its watermarks, its instance types. New in 2026. */

import type {
  AttachImageWatermarkRequest,
  AttachImageWatermarkResult,
  ReplaceImageInstanceTypeSpecificationRequest,
  ReplaceImageInstanceTypeSpecificationResult,
} from "@aws-sdk/client-ec2";
import { type Action, type Call, ec2Action } from "../call.ts";
import { wildcard } from "../filters.ts";
import { ApiError, invalidCombination, invalidValue } from "../protocol/api-error.ts";
import type { ImageRecord } from "../records/image.ts";
import { findOwnImage } from "../sharing.ts";

export const IMAGE_LIMIT_ACTIONS: readonly Action[] = [
  ec2Action<AttachImageWatermarkRequest, AttachImageWatermarkResult>(
    "AttachImageWatermark",
    ["ImageId", "WatermarkName"],
    attachImageWatermark,
  ),
  ec2Action<
    ReplaceImageInstanceTypeSpecificationRequest,
    ReplaceImageInstanceTypeSpecificationResult
  >(
    "ReplaceImageInstanceTypeSpecification",
    ["ImageId", "InstanceTypeSpecification"],
    replaceInstanceTypes,
  ),
];

/** [SDK AttachImageWatermark]: the key starts with whoever attaches it; not on public images. */
function attachImageWatermark(
  input: AttachImageWatermarkRequest,
  call: Call,
): AttachImageWatermarkResult {
  const image = findOwnImage(call, input.ImageId);
  if (!/^[A-Za-z0-9()[\] ./'@_-]{3,128}$/.test(input.WatermarkName ?? "")) {
    throw invalidValue(`Value (${input.WatermarkName}) for parameter watermarkName is invalid.`);
  }
  if (image.launch.everyone) {
    throw new ApiError("OperationNotPermitted", `The image ${image.id} is public.`);
  }
  call.commit();
  const key = `${call.account.id}:${input.WatermarkName}`;
  const others = image.watermarks.filter((one) => one.key !== key);
  const mark = { key, attachedAt: call.now, imageId: image.id, regionName: call.region.name };
  image.watermarks = [...others, mark];
  return { WatermarkKey: key };
}

function replaceInstanceTypes(
  input: ReplaceImageInstanceTypeSpecificationRequest,
  call: Call,
): ReplaceImageInstanceTypeSpecificationResult {
  const image = findOwnImage(call, input.ImageId);
  const { SupportedInstanceTypes: supported = [], UnsupportedInstanceTypes: unsupported = [] } =
    input.InstanceTypeSpecification ?? {};
  checkPatterns([...supported, ...unsupported]);
  if (image.billing.productCodes.some((code) => code.type === "marketplace")) {
    throw new ApiError("OperationNotPermitted", `The image ${image.id} is in the Marketplace.`);
  }
  call.commit();
  const empty = supported.length === 0 && unsupported.length === 0;
  image.instanceTypes = empty ? undefined : { supported, unsupported };
  return { ReturnValue: true };
}

/** [SDK InstanceTypeSpecificationRequest] */
function checkPatterns(patterns: readonly string[]): void {
  const wrong = patterns.find((one) => !/^[A-Za-z0-9_.*-]{1,24}$/.test(one) || one.includes("**"));
  if (wrong !== undefined) throw invalidValue(`The instance type pattern '${wrong}' is invalid.`);
  if (new Set(patterns).size !== patterns.length || patterns.length > 200) {
    throw invalidValue("Instance type patterns must be unique and at most 100 in a list.");
  }
}

/** @throws ApiError `InvalidParameterCombination`. [SDK ReplaceImageInstanceTypeSpecification] */
export function checkInstanceTypeAllowed(image: ImageRecord, typeName: string): void {
  const rule = image.instanceTypes;
  if (rule === undefined) return;
  const named = (patterns: readonly string[]) =>
    patterns.some((pattern) => wildcard(pattern)(typeName));
  if ((rule.supported.length > 0 && !named(rule.supported)) || named(rule.unsupported)) {
    throw invalidCombination(
      `The image ${image.id} is specified not to be launched as '${typeName}'.`,
    );
  }
}
