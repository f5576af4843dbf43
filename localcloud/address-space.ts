/**
 * Several localclouds live on one machine, each in a /16 of its own out of 127.0.0.0/8, so that
 * every instance has an address that no other has and no root is needed:
 *
 *   127.A.0.2          the endpoint; binding it is the claim on all of 127.A.0.0/16
 *   127.A.(16 r).0/20  region r (from 1): its default VPC, the same for every account
 *   …/22 within        one subnet per zone
 *
 * In network namespaces there is nobody to share with, and loopback addresses do not travel: there
 * every cloud has 10.31.0.0/16, in the same order.
 */

import type { Region, Zone } from "./catalog/regions.ts";
import { numberAddress, parseCidr } from "./cidr.ts";
import { ApiError } from "./protocol/api-error.ts";

/** Ours. The first four addresses of a subnet are AWS's there and nobody's here. */
const FIRST_HOST = 4;
const ZONE_ADDRESS_COUNT = 1022;

export class AddressSpace {
  /** The first two numbers of all addresses. */
  readonly #prefix: string;
  readonly #used = new Set<string>();
  readonly #next = new Map<string, number>();

  /** @param place - The A of 127.A, or `enclosed`. */
  constructor(place: number | "enclosed") {
    this.#prefix = place === "enclosed" ? "10.31" : `127.${place}`;
  }

  regionCidr(region: Region): string {
    return `${this.#prefix}.${region.index * 16}.0/20`;
  }

  zoneCidr(region: Region, zone: Zone): string {
    return `${this.#prefix}.${this.#zoneStart(region, zone)}.0/22`;
  }

  /** An address that no instance has. Freed ones come back as late as possible. */
  take(region: Region, zone: Zone): string {
    const start = this.#zoneStart(region, zone);
    const key = `${region.name} ${zone.index}`;
    for (let tried = 0; tried < ZONE_ADDRESS_COUNT - FIRST_HOST; tried += 1) {
      const host = this.#next.get(key) ?? FIRST_HOST;
      this.#next.set(key, host + 1 < ZONE_ADDRESS_COUNT ? host + 1 : FIRST_HOST);
      const address = `${this.#prefix}.${start + (host >> 8)}.${host & 255}`;
      if (this.#used.has(address)) continue;
      this.#used.add(address);
      return address;
    }
    throw new ApiError(
      "InsufficientFreeAddressesInSubnet",
      `The subnet in ${zone.name} has no free address.`,
    );
  }

  /** One within a subnet that was cut out by hand. */
  takeWithin(cidr: string): string {
    const { start = 0, bits = 32 } = parseCidr(cidr) ?? {};
    const end = start + 2 ** (32 - bits) - 1;
    for (let value = start + FIRST_HOST; value < end; value += 1) {
      if (this.takeExactly(numberAddress(value))) return numberAddress(value);
    }
    throw new ApiError(
      "InsufficientFreeAddressesInSubnet",
      `The block ${cidr} has no free address.`,
    );
  }

  /** @returns false when somebody has it. */
  takeExactly(address: string): boolean {
    if (this.#used.has(address)) return false;
    this.#used.add(address);
    return true;
  }

  free(address: string): void {
    this.#used.delete(address);
  }

  #zoneStart(region: Region, zone: Zone): number {
    return region.index * 16 + zone.index * 4;
  }
}
