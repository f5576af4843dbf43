/**
 * Everything there is: one `Store` per account and region, all in one `Cloud`. A store knows only
 * its own account's things; looking into another account's is a deliberate step (`storesIn`), made
 * only where EC2 shares something.
 */

import { randomUUID } from "node:crypto";
import { setTimeout as sleep } from "node:timers/promises";
import { type AccountSettings, usualSettings } from "./account-settings.ts";
import { type Accounts, AMAZON_ACCOUNT_ID } from "./accounts.ts";
import type { AddressSpace } from "./address-space.ts";
import type { CallLog } from "./call-log.ts";
import { makeDefaultNetwork, type Network } from "./catalog/account-network.ts";
import { seedHelperImages } from "./catalog/helper-images.ts";
import { seedLicensedImages } from "./catalog/licensed-images.ts";
import { findRegion, type Partition, type Region } from "./catalog/regions.ts";
import { ClientTokens } from "./client-tokens.ts";
import type { Faults } from "./faults/faults.ts";
import type { Machinery } from "./machinery.ts";
import type { KeyRecord } from "./records/encryption-key.ts";
import type { ImageRecord } from "./records/image.ts";
import type { InstanceRecord } from "./records/instance.ts";
import type { KeyPairRecord } from "./records/key-pair.ts";
import type { ElasticAddressRecord, NatGatewayRecord } from "./records/network.ts";
import type { SnapshotRecord } from "./records/snapshot.ts";
import type { VolumeRecord } from "./records/volume.ts";
import type { Delays } from "./states.ts";

/** One account's things in one region. */
export interface Store extends Network {
  readonly accountId: string;
  readonly region: Region;
  readonly partition: Partition;
  readonly images: Map<string, ImageRecord>;
  readonly snapshots: Map<string, SnapshotRecord>;
  readonly volumes: Map<string, VolumeRecord>;
  readonly instances: Map<string, InstanceRecord>;
  readonly natGateways: Map<string, NatGatewayRecord>;
  readonly addresses: Map<string, ElasticAddressRecord>;
  readonly keys: KeyRecord[];
  readonly keyPairs: Map<string, KeyPairRecord>;
  readonly tokens: ClientTokens;
  readonly settings: AccountSettings;
}

export interface CloudOptions {
  readonly accounts: Accounts;
  readonly delays: Delays;
  readonly directory: string;
  readonly addresses: AddressSpace;
  readonly machinery: Machinery;
  readonly node: "present" | "package" | "tarball";
  readonly calls: CallLog;
  readonly faults: Faults;
}

export class Cloud {
  readonly accounts: Accounts;
  readonly delays: Delays;
  readonly directory: string;
  readonly addresses: AddressSpace;
  readonly machinery: Machinery;
  readonly node: "present" | "package" | "tarball";
  readonly calls: CallLog;
  readonly faults: Faults;
  readonly #stores = new Map<string, Store>();
  readonly #closing = new AbortController();
  readonly #background = new Set<Promise<void>>();

  constructor(options: CloudOptions) {
    this.accounts = options.accounts;
    this.delays = options.delays;
    this.directory = options.directory;
    this.addresses = options.addresses;
    this.machinery = options.machinery;
    this.node = options.node;
    this.calls = options.calls;
    this.faults = options.faults;
  }

  /** Milliseconds since 1970, the time by which states move. */
  now(): number {
    return Date.now();
  }

  /** Aborted when the cloud ends: nothing new starts then. */
  get closing(): AbortSignal {
    return this.#closing.signal;
  }

  store(accountId: string, regionName: string): Store {
    const key = `${accountId} ${regionName}`;
    const known = this.#stores.get(key);
    if (known !== undefined) return known;
    const found = findRegion(regionName);
    if (found === undefined) throw new Error(`no region ${regionName}`);
    const store = makeStore(accountId, found.partition, found.region, this.addresses);
    if (accountId === AMAZON_ACCOUNT_ID) {
      seedHelperImages(store);
      seedLicensedImages(store);
    }
    this.#stores.set(key, store);
    return store;
  }

  /** All accounts' stores of a region, Amazon's among them: for what is shared. */
  storesIn(region: Region): Store[] {
    this.store(AMAZON_ACCOUNT_ID, region.name);
    return [...this.#stores.values()].filter((one) => one.region === region);
  }

  allStores(): Store[] {
    return [...this.#stores.values()];
  }

  /** Waits, but not longer than the cloud lives. @throws when it ends meanwhile. */
  async wait(ms: number): Promise<void> {
    this.closing.throwIfAborted();
    if (ms > 0) await sleep(ms, undefined, { signal: this.closing });
  }

  /** Work that no answer waits for. Its failures must be handled in it; close() waits for it. */
  inBackground(work: Promise<void>): void {
    const settled = work.catch((error: unknown) => {
      if (!this.closing.aborted) console.error("localcloud: background work failed:", error);
    });
    this.#background.add(settled);
    void settled.finally(() => this.#background.delete(settled));
  }

  /** Ends every machine and waits for whatever is still being done. */
  async close(): Promise<void> {
    this.#closing.abort();
    await Promise.all(this.#background);
    const instances = this.allStores().flatMap((store) => [...store.instances.values()]);
    await Promise.all(
      instances.map(async (instance) => {
        await instance.work.catch(() => {});
        await instance.machine?.stop();
      }),
    );
  }
}

function makeStore(
  accountId: string,
  partition: Partition,
  region: Region,
  addresses: AddressSpace,
): Store {
  return {
    accountId,
    region,
    partition,
    images: new Map(),
    snapshots: new Map(),
    volumes: new Map(),
    instances: new Map(),
    ...makeDefaultNetwork(region, addresses),
    natGateways: new Map(),
    addresses: new Map(),
    keys: makeKeys(accountId, partition, region),
    keyPairs: new Map(),
    tokens: new ClientTokens(),
    settings: usualSettings(),
  };
}

/** AWS's own key, one of the account's, one that the whole partition may use, and one disabled. */
function makeKeys(accountId: string, partition: Partition, region: Region): KeyRecord[] {
  const kinds = [
    { alias: "alias/aws/ebs", managedByAws: true, grantedTo: new Set<string>(), enabled: true },
    {
      alias: "alias/amicopy-test",
      managedByAws: false,
      grantedTo: new Set<string>(),
      enabled: true,
    },
    { alias: "alias/amicopy-shared", managedByAws: false, grantedTo: "all", enabled: true },
    {
      alias: "alias/amicopy-off",
      managedByAws: false,
      grantedTo: new Set<string>(),
      enabled: false,
    },
  ] as const;
  return kinds.map((kind) => {
    const id = randomUUID();
    return { ...kind, id, arn: `arn:${partition.name}:kms:${region.name}:${accountId}:key/${id}` };
  });
}
