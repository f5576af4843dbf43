/** Subscriptions to products of the Marketplace. */

import type { Call } from "./call.ts";
import type { Billing } from "./catalog/billing.ts";
import { ApiError } from "./protocol/api-error.ts";

/** @throws ApiError `OptInRequired`. [errors-overview] */
export function checkSubscribed(call: Call, billing: Billing): void {
  const missing = billing.productCodes.find(
    ({ id, type }) => type === "marketplace" && !call.store.settings.subscriptions.includes(id),
  );
  if (missing === undefined) return;
  throw new ApiError(
    "OptInRequired",
    "In order to use this AWS Marketplace product you need to accept terms and subscribe. " +
      `The product code is ${missing.id}.`,
  );
}
