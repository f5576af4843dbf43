/** Rights as far as localcloud has them: everybody may do everything that is not denied by name. */

import type { Call } from "./call.ts";
import { wildcard } from "./filters.ts";
import { ApiError } from "./protocol/api-error.ts";
import type { Service } from "./protocol/operations.ts";

const CODES: Readonly<Record<Service, string>> = {
  ec2: "UnauthorizedOperation",
  sts: "AccessDenied",
  servicequotas: "AccessDeniedException",
};

/**
 * Asked before anything of the request is looked at, so that a dry run tells by its code alone.
 *
 * @throws ApiError `UnauthorizedOperation`, or what the service calls it.
 */
export function checkRight(call: Call, service: Service, action: string): void {
  const name = `${service}:${action}`;
  if (!call.store.settings.denied.some((pattern) => wildcard(pattern)(name))) return;
  throw new ApiError(
    CODES[service],
    `You are not authorized to perform this operation. User: ${call.caller.arn} is not authorized ` +
      `to perform: ${name} because no identity-based policy allows the ${name} action.`,
  );
}
