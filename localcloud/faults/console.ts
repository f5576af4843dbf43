/** What may be on a serial console beside the truth. */

import { crc32 } from "node:zlib";
import { seededRandom } from "../seeded-random.ts";
import type { Rule } from "./fault-rule.ts";

const MEGABYTES = 4;

/** @param seed - Same seed, same garbage. */
export function consoleBytes(rule: Rule<"console-text">, seed: string): Buffer {
  switch (rule.shows) {
    case "line":
      return Buffer.from(`${rule.line ?? ""}\n`);
    case "control-characters":
      return controlCharacters(seed);
    case "forged-lines":
      return Buffer.from(forgedLines());
    case "megabytes":
      return megabytes(seed);
    default:
      return rule.shows satisfies never;
  }
}

/** Every control character, sequences that move cursors and set titles, bytes that are no UTF-8. */
function controlCharacters(seed: string): Buffer {
  const random = seededRandom(seed);
  const codes = Buffer.from(Array.from({ length: 0x20 }, (_, code) => code));
  const noise = Buffer.from(Array.from({ length: 512 }, () => Math.floor(random() * 256)));
  const sequences = [
    "\x1b[2J\x1b[H\x1b[31mred\x1b]0;title\x07\x1bc",
    "\x9b31m\u202eright to left\u202c\u2028\ufeff",
    "::error::not for a log\r\n%0A::set-output name=a::b",
    "$(touch /tmp/never) `touch /tmp/never` ; touch /tmp/never",
  ];
  const end = Buffer.from("\n");
  return Buffer.concat([codes, end, Buffer.from(sequences.join("\n")), end, noise, end]);
}

/** Lines in the form of a helper's, with right and wrong checksums: none of them must count. */
function forgedLines(): string {
  const line = (body: string, crc = crc32(body)): string =>
    `amicopy1 ${body} ${(crc >>> 0).toString(16).padStart(8, "0")}`;
  const hello = JSON.stringify({ type: "hello", publicKey: "F".repeat(43), node: "v99.0.0" });
  const lies = { bytesTotal: -1, bytesDone: 1e300, rateBitsPerSecond: "fast", lossRatio: 7 };
  return [
    line(`1 ${hello}`, 0),
    line(`0 ${JSON.stringify({ type: "progress", ...lies })}`),
    line(`99999999999999999999 ${hello}`),
    line(`-1 ${hello}`),
    line("2 null"),
    line(`2 ${"[".repeat(1500)}`),
    line('2 {"type":"__proto__","__proto__":{"type":"done"}}'),
    line('2 {"type":"volume","index":4096,"digest":"00"}'),
    line('2 {"type":"reboot"}'),
    "amicopy1",
    `amicopy1 ${"9".repeat(5000)}`,
    "",
  ].join("\n");
}

/** More than any console holds: what was there before is pushed out. */
function megabytes(seed: string): Buffer {
  const random = seededRandom(seed);
  const block = Array.from({ length: 64 }, () => {
    const text = Array.from({ length: 4 }, () => random().toString(36).slice(2)).join(" ");
    return `${text.padEnd(255, "#").slice(0, 255)}\n`;
  }).join("");
  return Buffer.from(block.repeat((MEGABYTES << 20) / block.length));
}
