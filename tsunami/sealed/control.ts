/**
 * The control channel: TLS 1.3 with an external pre-shared key, a listener of its own, nothing
 * negotiated. Messages are frames of a u32 length and that much JSON. Its exporter is where the
 * keys of the data path come from.
 *
 * Only TLS_AES_128_GCM_SHA256: an external PSK is bound to SHA-256 in OpenSSL.
 */

import { once } from "node:events";
import type { Socket } from "node:net";
import { setTimeout as pause } from "node:timers/promises";
import { connect, createServer, type TLSSocket } from "node:tls";
import { TransferError } from "../transfer-error.ts";
import { EXPORTER_BYTES, EXPORTER_LABEL } from "./keys.ts";
import {
  CONNECTIONS_MAX,
  CONTROL_BACKLOG_BYTES_MAX,
  CONTROL_BYTES_MAX,
  type Waits,
} from "./limits.ts";

/** A message that is JSON and an object; its fields are checked where they are used. */
export type ControlMessage = Readonly<Record<string, unknown>>;

export interface Control {
  /** Key material that only both ends of this connection have. */
  readonly exported: Buffer;
  readonly localAddress: string;
  readonly remoteAddress: string;
  send(message: ControlMessage): void;
  /**
   * Who hears from now on; with nobody, what comes waits.
   *
   * @param onMessage - May throw: that ends the connection.
   * @param onEnd - The connection is gone, or the peer sent what is no message.
   */
  listen(onMessage?: (message: ControlMessage) => void, onEnd?: (error: Error) => void): void;
  /** Sends what is left and closes; a peer that does not close too is not waited for. */
  end(): Promise<void>;
}

export interface ControlOptions {
  readonly listens: boolean;
  readonly localAddress?: string;
  readonly peerAddress?: string;
  readonly port: number;
  readonly psk: Uint8Array;
  readonly pskIdentity: string;
}

const TLS = {
  ciphers: "TLS_AES_128_GCM_SHA256",
  minVersion: "TLSv1.3",
  maxVersion: "TLSv1.3",
} as const;
/** Ours. Between calls to a peer that does not listen yet. */
const RETRY_MS = 250;
/**
 * Ours. For so long may the first call be silent, the next ones twice as long each: a new call is
 * heard sooner than TCP says again what was lost several times in a row.
 */
const CALL_MS = 2_000;
/** Ours. How long a closing side waits for the other to have read its last word, which may get lost twice. */
const LINGER_MS = 3_000;
const ignore = () => {};

/** The peer's address without the clothes of IPv6. */
function plainAddress(address: string | undefined): string {
  return (address ?? "").replace(/^::ffff:/, "");
}

/**
 * Waits for the peer, or calls it until it answers. Nobody listens to it then.
 *
 * @param refusedMs - For so long may nobody listen at the peer's port.
 * @throws TransferError `peer-unreachable`, `peer-refused`; the reason of an aborted signal.
 */
export async function openControl(
  options: ControlOptions,
  waits: Waits,
  signal: AbortSignal,
  refusedMs = waits.connectMs,
): Promise<Control> {
  const until = AbortSignal.any([signal, AbortSignal.timeout(waits.connectMs)]);
  try {
    const open = options.listens ? accept : call;
    for (;;) {
      const socket = await open(options, waits, until, refusedMs);
      // One that is broken already has nothing to export.
      if (!socket.destroyed) return overSocket(socket);
    }
  } catch (error) {
    signal.throwIfAborted();
    throw error;
  }
}

async function accept(
  { port, localAddress, peerAddress, psk, pskIdentity }: ControlOptions,
  waits: Waits,
  until: AbortSignal,
): Promise<TLSSocket> {
  let refused = 0;
  let chosen: TLSSocket | undefined;
  const callers = new Set<Socket>();
  const server = createServer({
    ...TLS,
    handshakeTimeout: waits.handshakeMs,
    pskCallback: (_, identity) => (identity === pskIdentity ? psk : null),
  });
  server.maxConnections = CONNECTIONS_MAX;
  server.on("connection", (caller) => {
    callers.add(caller);
    caller.on("error", ignore).on("close", () => callers.delete(caller));
    if (peerAddress && plainAddress(caller.remoteAddress) !== peerAddress) caller.destroy();
  });
  server.on("tlsClientError", ({ code }: NodeJS.ErrnoException, caller) => {
    // Node leaves open what kept it waiting.
    caller.destroy();
    // A handshake that the network broke, or kept too long, says nothing of a key.
    if (code?.startsWith("ERR_SSL")) refused += 1;
  });
  try {
    server.listen({ port, ...(localAddress && { host: localAddress }) });
    [chosen] = (await once(server, "secureConnection", { signal: until })) as [TLSSocket];
    return chosen;
  } catch (error) {
    const code = refused ? "peer-refused" : "peer-unreachable";
    const why = refused ? `${refused} callers without our key` : (error as Error).message;
    throw new TransferError(code, `no peer on port ${port}: ${why}`, error);
  } finally {
    server.close();
    for (const caller of callers) if (caller.remotePort !== chosen?.remotePort) caller.destroy();
  }
}

async function call(
  { port, localAddress, peerAddress: host = "", psk, pskIdentity: identity }: ControlOptions,
  waits: Waits,
  until: AbortSignal,
  refusedMs: number,
): Promise<TLSSocket> {
  let heardAt = performance.now();
  let silentMs = CALL_MS;
  for (let last = "no answer"; ; await pause(RETRY_MS)) {
    const socket = connect({
      ...TLS,
      host,
      port,
      ...(localAddress && { localAddress }),
      pskCallback: () => ({ psk, identity }),
      // There are no certificates: who has the key is the peer.
      checkServerIdentity: () => undefined,
    });
    socket.setTimeout(silentMs, () => socket.destroy(new Error("no answer")));
    silentMs = Math.min(2 * silentMs, waits.handshakeMs);
    try {
      const closed = once(socket, "close").then(() => Promise.reject(new Error("closed")));
      await Promise.race([once(socket, "secureConnect", { signal: until }), closed]);
      socket.setTimeout(0);
      return socket;
    } catch (error) {
      const { code, message } = error as NodeJS.ErrnoException;
      socket.on("error", ignore).destroy();
      if (code?.startsWith("ERR_SSL")) {
        throw new TransferError("peer-refused", `${host} has another key or transfer`, error);
      }
      if (code !== "ECONNREFUSED") heardAt = performance.now();
      const gone = performance.now() - heardAt > refusedMs;
      if (until.aborted || gone)
        throw new TransferError("peer-unreachable", `${host}:${port}: ${last}`);
      last = message;
    }
  }
}

function overSocket(socket: TLSSocket): Control {
  let hear: ((message: ControlMessage) => void) | undefined;
  let told: (error: Error) => void = ignore;
  let waiting = Buffer.alloc(0);
  const gone = () => told(socket.errored ?? new Error("connection closed"));
  const walk = () => {
    try {
      while (hear && waiting.length >= 4) {
        const end = 4 + waiting.readUInt32BE();
        if (end > CONTROL_BYTES_MAX) throw new RangeError("too long");
        if (waiting.length < end) return;
        const message: unknown = JSON.parse(waiting.toString("utf8", 4, end));
        if (typeof message !== "object" || !message) throw new TypeError("no object");
        waiting = waiting.subarray(end);
        hear(message as ControlMessage);
      }
    } catch (error) {
      // The connection stays for a last word to the peer; what it says does not matter any more.
      socket.removeAllListeners("data");
      const known = error instanceof TransferError;
      told(known ? error : new TransferError("protocol", "malformed control message", error));
    }
  };
  socket.setNoDelay(true);
  socket.on("data", (part: Buffer) => {
    waiting = Buffer.concat([waiting, part]);
    walk();
  });
  socket.pause();
  // Each error is followed by a close: told once.
  socket.on("error", ignore);
  socket.on("close", gone);
  return {
    exported: socket.exportKeyingMaterial(EXPORTER_BYTES, EXPORTER_LABEL, Buffer.alloc(0)),
    localAddress: plainAddress(socket.localAddress),
    remoteAddress: plainAddress(socket.remoteAddress),
    send(message) {
      const frame = Buffer.from(`1234${JSON.stringify(message)}`);
      frame.writeUInt32BE(frame.length - 4);
      if (socket.writable) socket.write(frame);
      if (socket.writableLength > CONTROL_BACKLOG_BYTES_MAX) {
        socket.destroy(new Error("the peer does not read"));
      }
    },
    listen(next, end = told) {
      hear = next;
      told = end;
      if (next) socket.resume();
      else socket.pause();
      walk();
      if (next && socket.destroyed) gone();
    },
    async end() {
      if (socket.closed) return;
      const late = setTimeout(() => socket.destroy(), LINGER_MS);
      // The peer's end is only seen by whoever reads.
      socket.removeAllListeners("data").resume();
      socket.end();
      await once(socket, "close").catch(ignore);
      clearTimeout(late);
    },
  };
}
