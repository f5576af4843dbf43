/** The secret of either revision, out of a file: an argument could be read by everybody. */

import { closeSync, openSync, readSync } from "node:fs";
import { resolve } from "node:path";
import { DEFAULT_SECRET } from "../tsunami/classic/constants.ts";
import { UsageError } from "./usage-error.ts";

/** How the two programs know each other. */
export type Credentials =
  | { readonly kind: "classic"; readonly secret: Uint8Array }
  | { readonly kind: "sealed"; readonly psk: Uint8Array };

/** Ours. The longest secret or key file that makes sense. */
const SECRET_MAX_BYTES = 4096;

/** What the sealed revision finds out for itself, or has no use for. */
const CLASSIC_ONLY = [
  "secret-file",
  "heartbeat",
  "block-size",
  "error",
  "slowdown",
  "speedup",
  "history",
  "lossy",
  "loss-window",
  "udp-port",
  "data-from",
] as const;

export function readCredentials(
  values: {
    readonly sealed?: boolean | undefined;
    readonly "psk-file"?: string | undefined;
    readonly "secret-file"?: string | undefined;
  } & { readonly [option in (typeof CLASSIC_ONLY)[number]]?: string | boolean | undefined },
  directory: string,
): Credentials {
  const { sealed, "psk-file": pskFile, "secret-file": secretFile } = values;
  if (sealed === true) {
    if (pskFile === undefined) throw new UsageError("--sealed needs --psk-file");
    const classic = CLASSIC_ONLY.find((option) => values[option] !== undefined);
    if (classic !== undefined) throw new UsageError(`--${classic} is for the classic revision`);
    const digits = readSecretFile(pskFile, directory).toString("latin1").trim();
    if (!/^[0-9a-f]{64}$/i.test(digits)) {
      throw new UsageError(`${pskFile} does not hold 64 hex digits: openssl rand -hex 32 > FILE`);
    }
    return { kind: "sealed", psk: Buffer.from(digits, "hex") };
  }
  if (pskFile !== undefined) throw new UsageError("--psk-file goes with --sealed");
  if (secretFile === undefined) return { kind: "classic", secret: Buffer.from(DEFAULT_SECRET) };
  const bytes = readSecretFile(secretFile, directory);
  // Editors end a file with a line end; a secret of the original never has one.
  const secret = bytes.at(-1) === 0x0a ? bytes.subarray(0, -1) : bytes;
  if (secret.length === 0) throw new UsageError(`${secretFile} is empty`);
  return { kind: "classic", secret };
}

/** No more than a secret can be, whatever the path leads to: a pipe and a device have no size. */
function readSecretFile(path: string, directory: string): Buffer {
  const bytes = Buffer.alloc(SECRET_MAX_BYTES + 1);
  let length = 0;
  try {
    const file = openSync(resolve(directory, path), "r");
    try {
      for (let got = 1; got > 0 && length < bytes.length; length += got) {
        got = readSync(file, bytes, length, bytes.length - length, null);
      }
    } finally {
      closeSync(file);
    }
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    throw new UsageError(`${path} cannot be read: ${why}`);
  }
  if (length <= SECRET_MAX_BYTES) return bytes.subarray(0, length);
  throw new UsageError(`${path} is longer than ${SECRET_MAX_BYTES} bytes: it holds no secret`);
}
