/** What an account forbids itself in a region: public images and snapshots, images of others. */

import type {
  DisableAllowedImagesSettingsResult,
  DisableImageBlockPublicAccessResult,
  DisableSnapshotBlockPublicAccessResult,
  EnableAllowedImagesSettingsRequest,
  EnableAllowedImagesSettingsResult,
  EnableImageBlockPublicAccessRequest,
  EnableImageBlockPublicAccessResult,
  EnableSnapshotBlockPublicAccessRequest,
  EnableSnapshotBlockPublicAccessResult,
  GetAllowedImagesSettingsResult,
  GetImageBlockPublicAccessStateResult,
  GetSnapshotBlockPublicAccessStateResult,
  ImageCriterion,
  ReplaceImageCriteriaInAllowedImagesSettingsRequest,
  ReplaceImageCriteriaInAllowedImagesSettingsResult,
} from "@aws-sdk/client-ec2";
import { type Action, type Call, ec2Action, refuseMembers } from "../call.ts";
import { invalidCombination, invalidValue } from "../protocol/api-error.ts";

export const SHARING_LIMIT_ACTIONS: readonly Action[] = [
  ec2Action<object, GetImageBlockPublicAccessStateResult>(
    "GetImageBlockPublicAccessState",
    [],
    (_input, { store }) => ({
      ImageBlockPublicAccessState: store.settings.imageBlockPublicAccess,
      ManagedBy: "account",
    }),
  ),
  ec2Action<EnableImageBlockPublicAccessRequest, EnableImageBlockPublicAccessResult>(
    "EnableImageBlockPublicAccess",
    ["ImageBlockPublicAccessState"],
    enableImageBlock,
  ),
  ec2Action<object, DisableImageBlockPublicAccessResult>(
    "DisableImageBlockPublicAccess",
    [],
    (_input, call) => {
      call.commit();
      call.store.settings.imageBlockPublicAccess = "unblocked";
      return { ImageBlockPublicAccessState: "unblocked" };
    },
  ),
  ec2Action<object, GetSnapshotBlockPublicAccessStateResult>(
    "GetSnapshotBlockPublicAccessState",
    [],
    (_input, { store }) => ({
      State: store.settings.snapshotBlockPublicAccess,
      ManagedBy: "account",
    }),
  ),
  ec2Action<EnableSnapshotBlockPublicAccessRequest, EnableSnapshotBlockPublicAccessResult>(
    "EnableSnapshotBlockPublicAccess",
    ["State"],
    enableSnapshotBlock,
  ),
  ec2Action<object, DisableSnapshotBlockPublicAccessResult>(
    "DisableSnapshotBlockPublicAccess",
    [],
    (_input, call) => {
      call.commit();
      call.store.settings.snapshotBlockPublicAccess = "unblocked";
      return { State: "unblocked" };
    },
  ),
  ec2Action<object, GetAllowedImagesSettingsResult>(
    "GetAllowedImagesSettings",
    [],
    (_input, { store: { settings } }) => ({
      State: settings.allowedImages.state,
      ImageCriteria: [...settings.allowedImages.criteria],
      ManagedBy: "account",
    }),
  ),
  ec2Action<EnableAllowedImagesSettingsRequest, EnableAllowedImagesSettingsResult>(
    "EnableAllowedImagesSettings",
    ["AllowedImagesSettingsState"],
    enableAllowedImages,
  ),
  ec2Action<object, DisableAllowedImagesSettingsResult>(
    "DisableAllowedImagesSettings",
    [],
    (_input, call) => {
      call.commit();
      setAllowedImages(call, { state: "disabled" });
      return { AllowedImagesSettingsState: "disabled" };
    },
  ),
  ec2Action<
    ReplaceImageCriteriaInAllowedImagesSettingsRequest,
    ReplaceImageCriteriaInAllowedImagesSettingsResult
  >("ReplaceImageCriteriaInAllowedImagesSettings", ["ImageCriteria"], replaceCriteria),
];

/** [SDK ReplaceImageCriteriaInAllowedImagesSettingsRequest] */
const CRITERIA_MAX_COUNT = 10;
const CRITERION_MEMBERS = [
  "CreationDateCondition",
  "DeprecationTimeCondition",
  "ImageNames",
  "ImageProviders",
  "MarketplaceProductCodes",
];

function enableImageBlock(
  input: EnableImageBlockPublicAccessRequest,
  call: Call,
): EnableImageBlockPublicAccessResult {
  const { ImageBlockPublicAccessState: state } = input;
  if (state !== "block-new-sharing") throw invalidState(state);
  call.commit();
  call.store.settings.imageBlockPublicAccess = state;
  return { ImageBlockPublicAccessState: state };
}

function enableSnapshotBlock(
  input: EnableSnapshotBlockPublicAccessRequest,
  call: Call,
): EnableSnapshotBlockPublicAccessResult {
  const { State: state } = input;
  if (state !== "block-new-sharing" && state !== "block-all-sharing") throw invalidState(state);
  call.commit();
  call.store.settings.snapshotBlockPublicAccess = state;
  return { State: state };
}

function enableAllowedImages(
  input: EnableAllowedImagesSettingsRequest,
  call: Call,
): EnableAllowedImagesSettingsResult {
  const { AllowedImagesSettingsState: state } = input;
  if (state !== "enabled" && state !== "audit-mode") throw invalidState(state);
  call.commit();
  setAllowedImages(call, { state });
  return { AllowedImagesSettingsState: state };
}

function replaceCriteria(
  input: ReplaceImageCriteriaInAllowedImagesSettingsRequest,
  call: Call,
): ReplaceImageCriteriaInAllowedImagesSettingsResult {
  const criteria = input.ImageCriteria ?? [];
  if (criteria.length > CRITERIA_MAX_COUNT) {
    throw invalidValue(`More than ${CRITERIA_MAX_COUNT} image criteria.`);
  }
  for (const one of criteria) {
    refuseMembers(one, CRITERION_MEMBERS, "ImageCriterion");
    const { ImageProviders: providers = [] } = one;
    const wrong = providers.find(
      (name) => !/^(\d{12}|amazon|aws-marketplace|aws-backup-vault|none)$/.test(name),
    );
    if (wrong !== undefined) throw invalidValue(`The image provider '${wrong}' is invalid.`);
    if (providers.includes("none") && providers.length > 1) {
      throw invalidCombination("Beside the image provider 'none' there can be no other.");
    }
  }
  call.commit();
  setAllowedImages(call, { criteria });
  return { ReturnValue: true };
}

function setAllowedImages(
  { store }: Call,
  change: { state?: "disabled" | "audit-mode" | "enabled"; criteria?: readonly ImageCriterion[] },
): void {
  store.settings.allowedImages = { ...store.settings.allowedImages, ...change };
}

function invalidState(state: string | undefined) {
  return invalidValue(`Value (${state}) for parameter state is invalid.`);
}
