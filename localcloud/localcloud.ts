/**
 * An EC2 (and STS) on this machine: many accounts, regions and partitions, in one process.
 *
 *   1. an address nobody else has, claimed by listening on it
 *   2. a directory for disks and machines
 *   3. configuration files with a profile for each account
 *   4. the API over one store per account and region
 *
 * close() undoes all of it; what a killed one leaves is cleaned up by the next that starts.
 */

import { randomBytes } from "node:crypto";
import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { Accounts } from "./accounts.ts";
import { AddressSpace } from "./address-space.ts";
import type {
  AdminTarget,
  Configured,
  ConfigureRequest,
  ExportedSnapshot,
  ExportSnapshotRequest,
  ImportedImage,
  ImportImageRequest,
  Listing,
} from "./admin.ts";
import { exportSnapshot, list } from "./by-hand.ts";
import { CallLog, type CallRecord } from "./call-log.ts";
import { claimAddressSpace } from "./claim-address-space.ts";
import { writeConfiguration } from "./configuration-files.ts";
import { configure } from "./configure.ts";
import type { FiredFault } from "./faults/fault-log.ts";
import { checkFaultPlan, type FaultPlanInput, NO_FAULTS } from "./faults/fault-plan.ts";
import { Faults } from "./faults/faults.ts";
import { checkPossible } from "./faults/possible.ts";
import { importImage } from "./import-image.ts";
import { type BootIsolated, type IsolatedNetwork, isolate } from "./isolation/isolation.ts";
import type { LinkSettings } from "./isolation/region-link.ts";
import { type Machinery, REAL_MACHINERY } from "./machinery.ts";
import { type Backend, makeServer } from "./server.ts";
import { DEFAULT_DELAYS, type Delays } from "./states.ts";
import { Cloud } from "./store.ts";
import { openWorkingDirectory } from "./working-directory.ts";

export type { CallRecord } from "./call-log.ts";
export type { FiredFault } from "./faults/fault-log.ts";
export type { FaultPlanInput } from "./faults/fault-plan.ts";
export type { Delays } from "./states.ts";

export interface LocalcloudOptions {
  /** For disks and machines. @default a new one under the system's temporary directory */
  readonly directory?: string;
  /** How long states take, in milliseconds. @default 150 to 400 each */
  readonly delays?: Partial<Delays>;
  /** What `node` a booting instance finds. @default "present" */
  readonly helperNode?: "present" | "package" | "tarball";
  /** What disks and machines are made of. @default sparse files and processes */
  readonly machinery?: Machinery;
  /**
   * `namespaces`: every machine in network and mount namespaces of its own, its security groups as
   * firewall rules, a long lossy link between regions. Linux and root.
   * @default "processes", on loopback addresses
   */
  readonly isolation?: "processes" | "namespaces";
  /** Between regions, when isolated. @default 200 Mbit/s, 100 ms, 1 % */
  readonly link?: Partial<LinkSettings>;
  /** Of the way within a region: `IsolationOptions`. */
  readonly regionMtuBytes?: number;
  /** How isolated machines boot. @default as processes in namespaces */
  readonly bootIsolated?: BootIsolated;
  /** What is to go wrong; see docs/localcloud-faults.md. @default nothing */
  readonly faults?: FaultPlanInput;
  /** Called with each fault as it happens. */
  readonly onFault?: (fired: FiredFault) => void;
}

export interface Localcloud {
  /** `http://127.A.0.2:PORT`, the value of AWS_ENDPOINT_URL. */
  readonly endpoint: string;
  /**
   * The environment for whatever is to use it: endpoint, shared configuration files with a profile
   * for each account (`aws-1`, `aws-2`, `aws-us-gov-1`, …), SOURCE_AWS_… keys of `aws-1`,
   * DESTINATION_AWS_… keys of `aws-us-gov-1`, the token of the admin paths. No region.
   */
  readonly env: Readonly<Record<string, string>>;
  /** Every call so far, oldest first. */
  readonly calls: readonly CallRecord[];
  /** Every fault that has happened so far, oldest first. */
  readonly firedFaults: readonly FiredFault[];
  /** From now on these and no others. @throws FaultPlanError */
  setFaults(faults: FaultPlanInput): Promise<void>;
  importImage(request: ImportImageRequest): Promise<ImportedImage>;
  exportSnapshot(request: ExportSnapshotRequest): Promise<ExportedSnapshot>;
  /** What an account may do, and how much of it. */
  configure(request: ConfigureRequest): Promise<Configured>;
  list(): Promise<Listing>;
  /** Every key and token that is or was good for something here, that of the admin paths included. */
  secrets(): { readonly name: string; readonly value: string }[];
  /** What lies between the regions, when machines are isolated. */
  readonly network: IsolatedNetwork | undefined;
  /** Ends all machines and removes everything that was made. May be called again. */
  close(): Promise<void>;
}

/** @throws FaultPlanError before anything is made. */
export async function startLocalcloud(options: LocalcloudOptions = {}): Promise<Localcloud> {
  const { faults, setFaults } = openFaults(options);
  let backend: Backend | undefined;
  const server = makeServer(() => backend);
  const { endpoint, slot, release } = await claimAddressSpace(server);
  const working = await openWorkingDirectory(options.directory, slot).catch(async (error) => {
    await release();
    throw error;
  });
  const isolation = await isolate(options, working.path).catch(async (error) => {
    await working.remove();
    await release();
    throw error;
  });
  const accounts = new Accounts();
  const token = randomBytes(24).toString("base64url");
  const calls = new CallLog();
  const cloud = new Cloud({
    accounts,
    calls,
    delays: { ...DEFAULT_DELAYS, ...options.delays },
    directory: working.path,
    addresses: isolation?.addresses ?? new AddressSpace(slot),
    machinery: options.machinery ?? isolation?.machinery ?? REAL_MACHINERY,
    node: options.helperNode ?? "present",
    faults,
  });
  const admin: AdminTarget = {
    token,
    importImage: (request) => importImage(cloud, request),
    exportSnapshot: (request) => exportSnapshot(cloud, request),
    configure: async (request) => configure(cloud, request),
    list: async () => list(cloud),
    setFaults,
    firedFaults: faults.log.records,
  };
  let closing: Promise<void> | undefined;
  const close = (): Promise<void> => {
    closing ??= (async () => {
      backend = undefined;
      try {
        await cloud.close();
        await isolation?.close();
        await working.remove();
      } finally {
        // Last: whoever gets the address next must find nothing of ours.
        await release();
      }
    })();
    return closing;
  };
  try {
    for (const name of ["volumes", "snapshots", "instances"]) {
      await mkdir(join(working.path, name), { recursive: true });
    }
    const files = await writeConfiguration(working.path, accounts);
    backend = { cloud, admin };
    const env = { ...environment(accounts, endpoint, token), ...files };
    const secrets = () => [...accounts.secrets(), { name: "the admin token", value: token }];
    return { ...admin, endpoint, env, calls: calls.records, secrets, network: isolation, close };
  } catch (error) {
    await close();
    throw error;
  }
}

function openFaults({ faults: given, onFault, machinery, isolation }: LocalcloudOptions) {
  const faults = new Faults(onFault);
  const isIsolated = isolation === "namespaces";
  const canCutNetwork = isIsolated || machinery?.cutRegions !== undefined;
  const abilities = { canCutNetwork, isIsolated };
  const check = (plan: unknown) => checkPossible(checkFaultPlan(plan), abilities);
  faults.set(check(given ?? NO_FAULTS));
  return { faults, setFaults: async (plan: unknown) => faults.set(check(plan)) };
}

function environment(accounts: Accounts, endpoint: string, token: string): Record<string, string> {
  const sides = { SOURCE: "aws-1", DESTINATION: "aws-us-gov-1" };
  const keys = Object.entries(sides).flatMap(([side, profile]) => {
    const account = accounts.all.find((one) => one.profile === profile);
    if (account === undefined) throw new Error(`no account ${profile}`);
    return [
      [`${side}_AWS_ACCESS_KEY_ID`, account.accessKeyId],
      [`${side}_AWS_SECRET_ACCESS_KEY`, account.secretAccessKey],
    ];
  });
  return {
    AWS_ENDPOINT_URL: endpoint,
    AMICOPY_LOCALCLOUD_TOKEN: token,
    ...Object.fromEntries(keys),
  };
}
