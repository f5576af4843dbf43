/** Values of tsunami's options, out of their text. */

import { isIPv6 } from "node:net";
import { DEFAULT_PORT } from "../tsunami/classic/constants.ts";
import type { Fraction } from "../tsunami/classic/wire.ts";
import { UsageError } from "./usage-error.ts";

/** `host`, `host:port`, `[::1]:port` or a bare IPv6 address. */
export function readPlace(text: string): { readonly host: string; readonly port: number } {
  if (isIPv6(text)) return { host: text, port: DEFAULT_PORT };
  const match = /^(?:\[([^\]]+)\]|([^:[\]]+))(?::(\d{1,5}))?$/.exec(text);
  const host = match?.[1] ?? match?.[2];
  if (host === undefined) throw new UsageError(`${text} is not HOST or HOST:PORT`);
  const port = match?.[3] === undefined ? DEFAULT_PORT : whole("PORT", match[3], 1, 65_535);
  return { host, port };
}

/** `650M`, `1.5G`, `800000`: decimal multiples. The original cut fractions off and wrapped at 2³². */
export function readRate(option: string, text: string): number {
  const match = /^(\d+(?:\.\d+)?)([kmg]?)$/i.exec(text);
  const factor = { "": 1, k: 1e3, m: 1e6, g: 1e9 }[match?.[2]?.toLowerCase() ?? ""];
  const rate = Math.round(Number(match?.[1]) * (factor ?? Number.NaN));
  if (rate >= 1 && rate <= 0xffff_ffff) return rate;
  throw new UsageError(`${option} ${text}: bits a second, 1 to 4294967295, e.g. 650M or 1.5G`);
}

export function readFraction(option: string, text: string): Fraction {
  const match = /^(\d{1,5})\/(\d{1,5})$/.exec(text);
  const numerator = Number(match?.[1]);
  const denominator = Number(match?.[2]);
  if (numerator <= 65_535 && denominator >= 1 && denominator <= 65_535) {
    return { numerator, denominator };
  }
  throw new UsageError(`${option} ${text} is not a fraction such as 25/24`);
}

export function whole(option: string, text: string, least: number, most: number): number {
  const value = /^\d{1,16}$/.test(text) ? Number(text) : Number.NaN;
  if (value >= least && value <= most) return value;
  throw new UsageError(`${option} ${text} is not a whole number from ${least} to ${most}`);
}

export function number(option: string, text: string, least: number, most: number): number {
  const value = /^\d{1,9}(?:\.\d{1,9})?$/.test(text) ? Number(text) : Number.NaN;
  if (value >= least && value <= most) return value;
  throw new UsageError(`${option} ${text} is not a number from ${least} to ${most}`);
}

export function optional<T>(text: string | undefined, read: (text: string) => T): T | undefined {
  return text === undefined ? undefined : read(text);
}
