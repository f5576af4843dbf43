/**
 * Looks for secrets in whatever a run has left or shown: in plain, in hex, in base64 wherever it
 * starts in a longer text, percent-encoded; compressed content is unpacked first.
 */

import { gunzipSync } from "node:zlib";

export interface Secret {
  readonly name: string;
  readonly value: string | Uint8Array;
}

/** Something that was written somewhere. */
export interface Trace {
  /** For a person: `state/…/test.json`, `console of i-…`. */
  readonly place: string;
  readonly content: string | Uint8Array;
}

/** Ours. What is shorter stands in any text by chance. */
const SECRET_MIN_BYTES = 8;
const UNPACKED_BYTES_MAX = 64 << 20;

/** @returns `<name of the secret> in <place> (<how it is written>)`, for each one found. */
export function findSecrets(traces: readonly Trace[], secrets: readonly Secret[]): string[] {
  const needles = secrets.flatMap(({ name, value }) =>
    Object.entries(spellings(Buffer.from(value))).flatMap(([how, texts]) =>
      texts.map((text) => ({ name, how, text })),
    ),
  );
  const found = traces.flatMap(({ place, content }) => {
    const text = unpacked(Buffer.from(content)).toString("latin1");
    const lower = text.toLowerCase();
    return needles
      .filter((needle) => (needle.how === "hex" ? lower : text).includes(needle.text))
      .map(({ name, how }) => `${name} in ${place} (${how})`);
  });
  return [...new Set(found)];
}

function spellings(bytes: Buffer): Record<string, string[]> {
  if (bytes.length < SECRET_MIN_BYTES) throw new Error("a secret is too short to be searched for");
  const base64 = [0, 1, 2].map((before) => base64At(bytes, before));
  const plain = bytes.toString("latin1");
  const percent = encodeURIComponent(bytes.toString());
  return {
    plain: [plain],
    hex: [bytes.toString("hex")],
    base64: [...base64, ...base64.map((text) => text.replaceAll("+", "-").replaceAll("/", "_"))],
    "percent-encoded": percent === plain ? [] : [percent],
  };
}

/** The letters that a secret has in base64 after `before` other bytes, whatever surrounds it. */
function base64At(bytes: Buffer, before: number): string {
  const text = Buffer.concat([Buffer.alloc(before), bytes])
    .toString("base64")
    .replaceAll("=", "");
  const rest = (before + bytes.length) % 3;
  // Letters at either end also carry bits of the neighbours.
  return text.slice(before === 0 ? 0 : before + 1, rest === 0 ? undefined : -1);
}

function unpacked(bytes: Buffer): Buffer {
  if (bytes[0] !== 0x1f || bytes[1] !== 0x8b) return bytes;
  try {
    return gunzipSync(bytes, { maxOutputLength: UNPACKED_BYTES_MAX });
  } catch {
    return bytes;
  }
}
