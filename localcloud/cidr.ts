/** IPv4 blocks. */

/** `undefined` for what is no block, or has bits behind its mask. */
export function parseCidr(
  text: string,
): { readonly start: number; readonly bits: number } | undefined {
  const [, address = "", bitsText = ""] = /^([\d.]+)\/(\d{1,2})$/.exec(text) ?? [];
  const start = addressNumber(address);
  const bits = Number(bitsText);
  if (start === undefined || bitsText === "" || bits > 32) return undefined;
  if (start % 2 ** (32 - bits) !== 0) return undefined;
  return { start, bits };
}

/** Whether all of the inner block is in the outer one. */
export function containsCidr(outer: string, inner: string): boolean {
  const [a, b] = [parseCidr(outer), parseCidr(inner)];
  if (a === undefined || b === undefined || b.bits < a.bits) return false;
  return Math.floor(b.start / 2 ** (32 - a.bits)) === a.start / 2 ** (32 - a.bits);
}

export function overlaps(one: string, other: string): boolean {
  return containsCidr(one, other) || containsCidr(other, one);
}

export function isInCidr(address: string, cidr: string): boolean {
  return addressNumber(address) !== undefined && containsCidr(cidr, `${address}/32`);
}

export function addressNumber(address: string): number | undefined {
  const parts = address.split(".");
  if (parts.length !== 4 || !parts.every((one) => /^\d{1,3}$/.test(one) && Number(one) <= 255)) {
    return undefined;
  }
  return parts.reduce((sum, one) => sum * 256 + Number(one), 0);
}

export function numberAddress(value: number): string {
  return [24, 16, 8, 0].map((shift) => Math.floor(value / 2 ** shift) % 256).join(".");
}
