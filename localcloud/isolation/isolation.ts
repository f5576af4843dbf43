/**
 * Isolation with teeth: every machine of a cloud in network and mount namespaces of its own, its
 * security groups as firewall rules, the regions joined by long lossy links. Linux and root only.
 *
 *   obstacle.ts            what this computer lacks for it
 *   region-network.ts      a region's router, cables and rules; firewall.ts, region-link.ts
 *   machine-enclosure.ts   a machine's namespaces; listen-inside.ts
 *   namespace-keeper.ts    what keeps a namespace, and no longer than localcloud
 *
 * No namespace, device or table here has a place on the host: all of it is in namespaces without a
 * name, which end with the programs in them. So nothing can be left, whatever is killed.
 */

import { compileProgram } from "../../bench/link/native-program.ts";
import { AddressSpace } from "../address-space.ts";
import type { Region } from "../catalog/regions.ts";
import { type Machinery, type PlacedMachineSpec, REAL_MACHINERY } from "../machinery.ts";
import { bootMachine, type Machine } from "../machines/machine.ts";
import { runScriptInside } from "./host-programs.ts";
import { encloseMachine } from "./machine-enclosure.ts";
import { keepNamespaces, type NamespaceKeeper } from "./namespace-keeper.ts";
import { findIsolationObstacle } from "./obstacle.ts";
import { DEFAULT_LINK, type LinkSettings, openRegionLink } from "./region-link.ts";
import { RegionNetwork } from "./region-network.ts";

/** What lies between the regions of an isolated cloud. */
export interface IsolatedNetwork {
  /** From now on nothing passes between regions, and nobody is told so. */
  cutRegions(): Promise<void>;
  joinRegions(): Promise<void>;
}

/** Boots a machine in a region's network; the folder is the cloud's. */
export type BootIsolated = (
  spec: PlacedMachineSpec,
  network: RegionNetwork,
  cloudDirectory: string,
) => Promise<Machine>;

export interface IsolationOptions {
  readonly isolation?: "processes" | "namespaces";
  readonly link?: Partial<LinkSettings>;
  /** Of the way within a region; 8500 is as between regions that are peered. @default 9001 */
  readonly regionMtuBytes?: number;
  readonly bootIsolated?: BootIsolated;
}

/**
 * @param directory - The cloud's own folder.
 * @returns `undefined` when it was not asked for.
 * @throws Error saying what this computer lacks for it.
 */
export async function isolate(
  { isolation, link, regionMtuBytes, bootIsolated = bootInNamespaces }: IsolationOptions,
  directory: string,
): Promise<Isolation | undefined> {
  if (isolation !== "namespaces") return undefined;
  const obstacle = await findIsolationObstacle();
  if (obstacle !== undefined) throw new Error(obstacle);
  const linkProgram = await compileProgram("longlink", directory);
  const core = await keepNamespaces(
    ["net"],
    ["ip link set lo up", "echo 1 > /proc/sys/net/ipv4/ip_forward"],
  );
  const settings = { ...DEFAULT_LINK, ...link };
  const parts = { directory, core, linkProgram, link: settings, bootIsolated };
  return new Isolation({ ...parts, ...(regionMtuBytes !== undefined && { regionMtuBytes }) });
}

/** The default: as processes in namespaces. */
export const bootInNamespaces: BootIsolated = (spec, network, cloudDirectory) => {
  const { directory: machineDirectory, address, rules } = spec;
  const options = { machineDirectory, cloudDirectory, network, address, rules };
  return bootMachine({ ...spec, enclose: (room) => encloseMachine(room, options) });
};

interface IsolationParts {
  readonly directory: string;
  /** Where all regions' links meet. */
  readonly core: NamespaceKeeper;
  /** Compiled `bench/link/longlink.c`. */
  readonly linkProgram: string;
  readonly link: LinkSettings;
  readonly bootIsolated: BootIsolated;
  readonly regionMtuBytes?: number;
}

export class Isolation implements IsolatedNetwork {
  readonly addresses = new AddressSpace("enclosed");
  readonly #parts: IsolationParts;
  readonly #regions = new Map<string, Promise<RegionNetwork>>();

  constructor(parts: IsolationParts) {
    this.#parts = parts;
  }

  readonly machinery: Machinery = {
    ...REAL_MACHINERY,
    bootMachine: (spec) => this.#boot(spec),
    cutRegions: () => this.cutRegions(),
    joinRegions: () => this.joinRegions(),
    applyRules: async () => {
      const opened = await Promise.allSettled(this.#regions.values());
      await Promise.all(
        opened.map((one) => (one.status === "fulfilled" ? one.value.applyRules() : undefined)),
      );
    },
  };

  async cutRegions(): Promise<void> {
    await runScriptInside(this.#parts.core.net, ["echo 0 > /proc/sys/net/ipv4/ip_forward"]);
  }

  async joinRegions(): Promise<void> {
    await runScriptInside(this.#parts.core.net, ["echo 1 > /proc/sys/net/ipv4/ip_forward"]);
  }

  /** After the last machine has ended. */
  async close(): Promise<void> {
    for (const opened of await Promise.allSettled(this.#regions.values())) {
      if (opened.status === "fulfilled") await opened.value.close();
    }
    await this.#parts.core.close();
  }

  async #boot(spec: PlacedMachineSpec): Promise<Machine> {
    const { bootIsolated, directory } = this.#parts;
    return bootIsolated(spec, await this.#networkOf(spec.region), directory);
  }

  /** Made with the first machine in it. */
  #networkOf(region: Region): Promise<RegionNetwork> {
    const known = this.#regions.get(region.name);
    if (known !== undefined) return known;
    const opening = this.#openNetwork(region);
    this.#regions.set(region.name, opening);
    // The next machine tries again.
    opening.catch(() => this.#regions.delete(region.name));
    return opening;
  }

  async #openNetwork(region: Region): Promise<RegionNetwork> {
    const { linkProgram, link, core, regionMtuBytes } = this.#parts;
    const opened = await openRegionLink(linkProgram, link, region.index);
    try {
      const cidr = this.addresses.regionCidr(region);
      return await RegionNetwork.open(opened, core, {
        index: region.index,
        cidr,
        ...(regionMtuBytes !== undefined && { mtuBytes: regionMtuBytes }),
      });
    } catch (error) {
      await opened.close();
      throw error;
    }
  }
}
