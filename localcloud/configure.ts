/** Carries out what a person sets of an account; what is not mentioned stays as it is. */

import { AdminError, type Configured, type ConfigureRequest } from "./admin.ts";
import { findPlace } from "./place.ts";
import type { KeyRecord } from "./records/encryption-key.ts";
import type { Cloud, Store } from "./store.ts";

/** Without settings it only tells what there is. */
export function configure(cloud: Cloud, request: ConfigureRequest): Configured {
  const { account, store } = findPlace(cloud, request);
  const wish = request.settings;
  const keys = Object.entries(wish.keys ?? {}).map(([alias, change]) => ({
    key: findKeyByAlias(store, alias),
    change,
  }));
  if (wish.defaultVpc === false) removeDefaultVpc(cloud, store);
  const { settings } = store;
  if (wish.denied !== undefined) settings.denied = wish.denied;
  if (wish.missingVolumeTypes !== undefined) settings.missingVolumeTypes = wish.missingVolumeTypes;
  if (wish.subscriptions !== undefined) settings.subscriptions = wish.subscriptions;
  for (const [name, value] of Object.entries(wish.quotas ?? {})) {
    if (value !== undefined) settings.quotas = { ...settings.quotas, [name]: value };
  }
  for (const { key, change } of keys) {
    if (change.enabled !== undefined) key.enabled = change.enabled;
    if (change.grantedTo !== undefined) key.grantedTo = new Set(change.grantedTo);
  }
  return {
    account: account.id,
    region: request.region,
    keyArns: Object.fromEntries(store.keys.map((key) => [key.alias, key.arn])),
  };
}

function findKeyByAlias(store: Store, alias: string): KeyRecord {
  const key = store.keys.find((one) => one.alias === alias);
  if (key !== undefined) return key;
  const known = store.keys.map((one) => one.alias).join(", ");
  throw new AdminError(400, `there is no key ${alias}: the account has ${known}`);
}

function removeDefaultVpc(cloud: Cloud, store: Store): void {
  const vpc = [...store.vpcs.values()].find((one) => one.isDefault);
  if (vpc === undefined) return;
  const subnetIds = [...store.subnets.values()]
    .filter((subnet) => subnet.vpcId === vpc.id)
    .map((subnet) => subnet.id);
  const used = [...store.instances.values()].find(
    (one) =>
      subnetIds.includes(one.networkInterface.subnetId) &&
      one.state.at(cloud.now()) !== "terminated",
  );
  if (used !== undefined) {
    throw new AdminError(409, `the default VPC ${vpc.id} is in use by ${used.id}`);
  }
  for (const id of subnetIds) store.subnets.delete(id);
  for (const table of [...store.routeTables.values()]) {
    if (table.vpcId === vpc.id) store.routeTables.delete(table.id);
  }
  for (const group of [...store.groups.values()]) {
    if (group.vpcId === vpc.id) store.groups.delete(group.id);
  }
  for (const gateway of store.internetGateways.values()) {
    if (gateway.vpcId === vpc.id) gateway.vpcId = undefined;
  }
  store.vpcs.delete(vpc.id);
}
