/**
 * The network of one region: a router that every machine has a cable to, with the firewall in it.
 *
 *   machine eth0 ══ m-16-4  router  wan0 ── long link ── w1  core ── … the other regions
 *
 * Machines have addresses of /32: even neighbours speak through the router, so that the groups stand
 * between any two.
 */

import { type FirewalledPort, firewallRuleset } from "./firewall.ts";
import { runInside, runScriptInside } from "./host-programs.ts";
import type { NamespaceKeeper } from "./namespace-keeper.ts";
import type { RegionLink } from "./region-link.ts";

/** What an instance's interface has. [UG network_mtu] */
const MACHINE_MTU_BYTES = 9001;

/** The router, as every machine sees it; there is no more to see of it. */
const GATEWAY = "169.254.1.1";

/** A machine that is to be cabled; its rules are asked for each time they may have changed. */
export interface CabledMachine {
  readonly address: string;
  readonly net: string;
  /** A process in its network namespace. */
  readonly pid: number;
  readonly rules: () => FirewalledPort["rules"];
  /** The device inside behind which the address is, a virtual machine's. @default it is eth0's own */
  readonly behind?: string;
}

export class RegionNetwork {
  readonly #link: RegionLink;
  readonly #mtuBytes: number;
  readonly #machines = new Map<string, CabledMachine>();
  #applying: Promise<void> = Promise.resolve();

  private constructor(link: RegionLink, mtuBytes: number) {
    this.#link = link;
    this.#mtuBytes = mtuBytes;
  }

  /**
   * @param region - `cidr` has all addresses of it; `mtuBytes` is what its router takes from a
   *   machine, and drops above that without a word.
   */
  static async open(
    link: RegionLink,
    core: NamespaceKeeper,
    region: { readonly index: number; readonly cidr: string; readonly mtuBytes?: number },
  ): Promise<RegionNetwork> {
    const device = `w${region.index}`;
    await runScriptInside(link.router, [
      "ip link set lo up",
      `ip address add ${GATEWAY}/32 dev lo`,
      "ip route add default dev wan0",
      "echo 1 > /proc/sys/net/ipv4/ip_forward",
    ]);
    await runScriptInside(link.far, [
      "ip link set wan0 down",
      `ip link set wan0 name ${device}`,
      `ip link set ${device} netns ${core.pid}`,
    ]);
    await runScriptInside(core.net, [
      `ip link set ${device} up`,
      `ip route add ${region.cidr} dev ${device}`,
    ]);
    const network = new RegionNetwork(link, region.mtuBytes ?? MACHINE_MTU_BYTES);
    await network.applyRules();
    return network;
  }

  /**
   * Lays the cable; nothing passes but what the rules admit, from the first packet on.
   *
   * @throws Error when it cannot be laid; nothing is left of it then.
   */
  async connect(machine: CabledMachine): Promise<void> {
    const { address } = machine;
    const device = deviceOf(address);
    // Two behind one NAT gateway: nobody translates addresses here.
    if (this.#machines.has(device)) {
      throw new Error(
        `another machine lives at ${address}: only one at a time can have an address`,
      );
    }
    this.#machines.set(device, machine);
    try {
      await this.#layCable(device, machine);
    } catch (error) {
      await this.disconnect(address);
      throw error;
    }
  }

  async #layCable(device: string, machine: CabledMachine): Promise<void> {
    const { address, net, pid, behind } = machine;
    await this.applyRules();
    await runScriptInside(this.#link.router, [
      `ip link add ${device} mtu ${this.#mtuBytes} type veth peer name eth0 mtu ${MACHINE_MTU_BYTES} netns ${pid}`,
      `ip link set ${device} up`,
      `ip route add ${address}/32 dev ${device}`,
    ]);
    const ownAddress = [`ip address add ${address}/32 dev eth0`];
    await runScriptInside(net, [
      ...(behind === undefined ? ownAddress : guestLines(address, behind)),
      "ip link set eth0 up",
      `ip route add ${GATEWAY} dev eth0 scope link`,
      `ip route add default via ${GATEWAY} dev eth0`,
    ]);
  }

  /** Only for who was connected: whoever else lives there would lose the cable. */
  async disconnect(address: string): Promise<void> {
    const device = deviceOf(address);
    if (!this.#machines.delete(device)) return;
    // It may have gone with its machine's namespace.
    await runInside(this.#link.router, ["ip", "link", "delete", device]).catch(() => {});
    await this.applyRules();
  }

  /** Whoever waits for this knows that the rules of now are in force. */
  applyRules(): Promise<void> {
    const apply = async (): Promise<void> => {
      const ports = [...this.#machines].map(([device, { address, rules }]) => ({
        device,
        address,
        rules: rules(),
      }));
      await runInside(this.#link.router, ["nft", "-f", "-"], firewallRuleset(ports));
    };
    // One after the other: an older set must not come over a newer one.
    this.#applying = this.#applying.catch(() => {}).then(apply);
    return this.#applying;
  }

  async close(): Promise<void> {
    await this.#applying.catch(() => {});
    await this.#link.close();
  }
}

/** The namespace forwards, and answers the router in the guest's place, at once. */
function guestLines(address: string, device: string): string[] {
  return [
    "echo 1 > /proc/sys/net/ipv4/ip_forward",
    `ip route add ${address}/32 dev ${device}`,
    ...["eth0", device].flatMap((name) => [
      `echo 1 > /proc/sys/net/ipv4/conf/${name}/proxy_arp`,
      `echo 0 > /proc/sys/net/ipv4/neigh/${name}/proxy_delay`,
    ]),
  ];
}

/** A device name has at most 15 characters; in one cloud the last two bytes tell the machine. */
function deviceOf(address: string): string {
  return `m-${address.split(".").slice(2).join("-")}`;
}
