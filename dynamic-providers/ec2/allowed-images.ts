/** The setting "Allowed AMIs", in words. */

import { GetAllowedImagesSettingsCommand, type ImageCriterion } from "@aws-sdk/client-ec2";
import type { Caller } from "./caller.ts";
import type { Ec2 } from "./ec2.ts";

export function allowedImageVerbs({ repeat }: Caller): Pick<Ec2, "allowedImages"> {
  return {
    async allowedImages() {
      const { State: state, ImageCriteria: criteria = [] } = await repeat(
        "GetAllowedImagesSettings",
        [],
        (ec2) => ec2.send(new GetAllowedImagesSettingsCommand({})),
      );
      // In audit mode everything is let through, and only marked.
      return state === "enabled" ? criteria.map(describeCriterion) : undefined;
    },
  };
}

function describeCriterion(criterion: ImageCriterion): string {
  const {
    ImageProviders: providers = [],
    ImageNames: names = [],
    MarketplaceProductCodes: codes = [],
    CreationDateCondition: created,
    DeprecationTimeCondition: deprecated,
  } = criterion;
  const days = created?.MaximumDaysSinceCreated;
  const deprecatedDays = deprecated?.MaximumDaysSinceDeprecated;
  return [
    providers.length === 0 ? "any provider" : providers.join(" or "),
    names.length === 0 ? "" : ` named ${names.join(" or ")}`,
    codes.length === 0 ? "" : ` with product code ${codes.join(" or ")}`,
    days === undefined ? "" : ` made in the last ${days} days`,
    deprecatedDays === undefined ? "" : ` deprecated for at most ${deprecatedDays} days`,
  ].join("");
}
