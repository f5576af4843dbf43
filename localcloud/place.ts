/** Which account and region a person means. */

import type { Account } from "./accounts.ts";
import { AdminError } from "./admin.ts";
import { findRegion, type Region } from "./catalog/regions.ts";
import type { Cloud, Store } from "./store.ts";

/** @throws AdminError that names what there is. */
export function findPlace(
  cloud: Cloud,
  request: { readonly region: string; readonly account?: string },
): { account: Account; region: Region; store: Store } {
  const place = findRegion(request.region);
  if (place === undefined) throw new AdminError(400, `there is no region ${request.region}`);
  const here = cloud.accounts.all.filter((one) => one.partition === place.partition.name);
  const account =
    request.account === undefined
      ? here[0]
      : here.find((one) => one.id === request.account || one.profile === request.account);
  if (account === undefined) {
    const known = here.map((one) => `${one.profile} (${one.id})`).join(", ");
    throw new AdminError(
      400,
      `the partition ${place.partition.name} has no account ${request.account}: it has ${known}`,
    );
  }
  return { account, region: place.region, store: cloud.store(account.id, request.region) };
}
