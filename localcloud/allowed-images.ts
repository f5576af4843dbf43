/**
 * The setting "Allowed AMIs": which images of others an account may find and use. Its own are
 * always allowed. [SDK ImageCriterion], [UG ec2-allowed-amis]
 */

import type { ImageCriterion } from "@aws-sdk/client-ec2";
import type { AccountSettings } from "./account-settings.ts";
import { wildcard } from "./filters.ts";
import type { ImageRecord } from "./records/image.ts";

const DAY_MS = 24 * 3600_000;

/** Whatever the state of the setting: what it would say of the image. */
export function isAllowed(
  settings: AccountSettings,
  image: ImageRecord,
  who: { readonly accountId: string; readonly nowMs: number },
): boolean {
  if (image.ownerId === who.accountId) return true;
  return settings.allowedImages.criteria.some((one) => meets(one, image, who.nowMs));
}

/** True when the setting keeps the image from the account. */
export function isHidden(
  settings: AccountSettings,
  image: ImageRecord,
  who: { readonly accountId: string; readonly nowMs: number },
): boolean {
  return settings.allowedImages.state === "enabled" && !isAllowed(settings, image, who);
}

/** All conditions of a criterion must hold; a list holds when any of it does. */
function meets(criterion: ImageCriterion, image: ImageRecord, nowMs: number): boolean {
  const {
    ImageProviders: providers = [],
    ImageNames: names = [],
    MarketplaceProductCodes: codes = [],
    CreationDateCondition: created,
    DeprecationTimeCondition: deprecated,
  } = criterion;
  const ageMs = nowMs - image.createdAt.getTime();
  const deprecatedMs = nowMs - (image.deprecationTime?.getTime() ?? nowMs);
  const maximumMs = (days: number | undefined) => (days ?? Number.POSITIVE_INFINITY) * DAY_MS;
  return (
    (providers.length === 0 ||
      providers.some((one) => one === image.ownerId || one === image.ownerAlias)) &&
    (names.length === 0 || names.some((pattern) => wildcard(pattern)(image.name))) &&
    (codes.length === 0 || image.billing.productCodes.some((code) => codes.includes(code.id))) &&
    ageMs <= maximumMs(created?.MaximumDaysSinceCreated) &&
    deprecatedMs <= maximumMs(deprecated?.MaximumDaysSinceDeprecated)
  );
}
