/**
 * Whether a server that does not answer is one of the other revision. Neither can tell by itself: a
 * sealed server waits for the rest of what a classic receiver has begun to say, and to a sealed
 * receiver a classic server that hangs up looks like a network that tears connections. So whoever has
 * waited for a while looks over a connection of its own.
 */

import { randomBytes } from "node:crypto";
import { connect } from "node:net";
import { addAbortSignal } from "node:stream";
import { setTimeout as pause } from "node:timers/promises";
import { connect as connectTls } from "node:tls";
import { encodeRevision } from "../tsunami/classic/wire.ts";
import { TransferError } from "../tsunami/transfer-error.ts";

/** Ours. Longer than an answer mostly takes: a server that answers is not looked at. */
const LOOK_AFTER_MS = 700;
/** Ours. For one look, which at high loss may need another. */
const LOOK_MS = 5_000;
const ignore = (): void => {};

export interface CalledServer {
  readonly host: string;
  readonly port: number;
  /** Ours. */
  readonly revision: "classic" | "sealed";
  readonly signal: AbortSignal;
}

/**
 * @param meet - Calls the server; told to stop when it is of the other revision.
 * @throws TransferError `peer-refused`: it is of the other revision. What `meet` throws.
 */
export async function unlessOtherRevision<T>(
  server: CalledServer,
  meet: (signal: AbortSignal) => Promise<T>,
): Promise<T> {
  const met = new AbortController();
  const other = new AbortController();
  const looked = look(server, met.signal, other);
  try {
    return await meet(AbortSignal.any([server.signal, other.signal]));
  } catch (error) {
    other.signal.throwIfAborted();
    throw error;
  } finally {
    met.abort();
    await looked;
  }
}

async function look(
  { host, port, revision }: CalledServer,
  met: AbortSignal,
  other: AbortController,
): Promise<void> {
  const isOther = revision === "sealed" ? speaksClassic : speaksTls;
  const which = revision === "sealed" ? "without" : "with";
  const words = `${host}:${port} is a server ${which} --sealed, and this is a receiver of the other kind`;
  while (!met.aborted) {
    await pause(LOOK_AFTER_MS, undefined, { signal: met }).catch(ignore);
    const until = AbortSignal.any([met, AbortSignal.timeout(LOOK_MS)]);
    if (!(await isOther(host, port, until)) || met.aborted) continue;
    other.abort(new TransferError("peer-refused", words));
    return;
  }
}

/** A classic server speaks first, and always says the same. */
async function speaksClassic(host: string, port: number, until: AbortSignal): Promise<boolean> {
  const socket = addAbortSignal(until, connect({ host, port }));
  const expected = encodeRevision();
  let heard = Buffer.alloc(0);
  try {
    for await (const part of socket) {
      heard = Buffer.concat([heard, part]);
      if (heard.length >= expected.length) break;
    }
  } catch {
    // Nobody there, or nobody who says anything: that is for the call itself to tell.
  }
  return heard.subarray(0, expected.length).equals(expected);
}

/** A sealed server has a TLS alert for whoever comes with a key that nobody has. */
async function speaksTls(host: string, port: number, until: AbortSignal): Promise<boolean> {
  const { promise, resolve } = Promise.withResolvers<boolean>();
  const psk = randomBytes(32);
  const socket = connectTls({
    ...{ host, port, minVersion: "TLSv1.3", ciphers: "TLS_AES_128_GCM_SHA256" },
    pskCallback: () => ({ psk, identity: "tsunami-look" }),
    checkServerIdentity: () => undefined,
  });
  socket.on("error", ({ code }: NodeJS.ErrnoException) => resolve(isAlert(code)));
  socket.on("close", () => resolve(false));
  addAbortSignal(until, socket);
  try {
    return await promise;
  } finally {
    socket.destroy();
  }
}

/** Of OpenSSL's errors, those that the peer said in TLS. */
export function isAlert(code: string | undefined): boolean {
  return code?.startsWith("ERR_SSL_") === true && code.includes("ALERT");
}
