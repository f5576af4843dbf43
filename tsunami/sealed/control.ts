/**
 * The control channel: TLS 1.3 with an external pre-shared key, a listener of its own, nothing
 * negotiated. Messages are frames of a u32 length and that much JSON. Its exporter is where the
 * keys of the data path come from.
 *
 * Only TLS_AES_128_GCM_SHA256: an external PSK is bound to SHA-256 in OpenSSL.
 */

import type { Socket } from "node:net";
import { connect, createServer, type TLSSocket } from "node:tls";
import { TransferError } from "../transfer-error.ts";
import { EXPORTER_BYTES, EXPORTER_LABEL } from "./keys.ts";
import { CONNECTIONS_MAX, CONTROL_BYTES_MAX, type Waits } from "./limits.ts";

/** A message that is JSON and an object; its fields are checked where they are used. */
export type ControlMessage = Readonly<Record<string, unknown>>;

export interface Control {
  /** Key material that only both ends of this connection have. */
  readonly exported: Buffer;
  readonly localAddress: string;
  readonly remoteAddress: string;
  /** Sets who hears the messages and the end; what came before is delivered then. */
  listen(onMessage: (message: ControlMessage) => void, onEnd: (error: Error) => void): void;
  send(message: ControlMessage): void;
  /** Sends what is left and closes; a peer that does not close too is not waited for. */
  end(): Promise<void>;
}

export interface ControlOptions {
  readonly listens: boolean;
  readonly localAddress?: string | undefined;
  readonly peerAddress?: string | undefined;
  readonly port: number;
  readonly psk: Uint8Array;
  readonly pskIdentity: string;
  readonly waits: Waits;
  readonly signal: AbortSignal;
}

const TLS = {
  ciphers: "TLS_AES_128_GCM_SHA256",
  minVersion: "TLSv1.3",
  maxVersion: "TLSv1.3",
} as const;
/** Ours. Between calls to a peer that does not listen yet. */
const RETRY_MS = 250;
/** Ours. How long a closing side waits for the other to have read its last word. */
const LINGER_MS = 500;

/** The peer's address without the clothes of IPv6. */
function plainAddress(address: string | undefined): string {
  return (address ?? "").replace(/^::ffff:/, "");
}

/**
 * Waits for the peer, or calls it until it answers.
 *
 * @throws TransferError `peer-unreachable`, `peer-refused`.
 */
export function openControl(options: ControlOptions): Promise<Control> {
  return options.listens ? acceptControl(options) : callControl(options);
}

function acceptControl(options: ControlOptions): Promise<Control> {
  const { promise, resolve, reject } = Promise.withResolvers<Control>();
  let refused = 0;
  const server = createServer({
    ...TLS,
    handshakeTimeout: options.waits.handshakeMs,
    pskCallback: (_socket, identity) => (identity === options.pskIdentity ? options.psk : null),
  });
  server.maxConnections = CONNECTIONS_MAX;
  const callers = new Set<Socket>();
  server.on("connection", (socket) => {
    const from = plainAddress(socket.remoteAddress);
    socket.on("error", () => {});
    if (options.peerAddress !== undefined && from !== options.peerAddress) socket.destroy();
    callers.add(socket);
    socket.on("close", () => callers.delete(socket));
  });
  let chosen: number | undefined;
  server.on("tlsClientError", () => {
    refused += 1;
  });
  server.on("secureConnection", (socket) => {
    if (chosen !== undefined) return;
    chosen = socket.remotePort;
    resolve(controlOver(socket));
  });
  server.on("error", (error) => {
    reject(new TransferError("peer-unreachable", `cannot listen: ${error.message}`, error));
  });
  server.listen({
    port: options.port,
    ...(options.localAddress && { host: options.localAddress }),
  });
  const late = setTimeout(() => {
    reject(
      refused
        ? new TransferError("peer-refused", `${refused} callers did not have this session's key`)
        : new TransferError(
            "peer-unreachable",
            `nobody called port ${options.port} within ${options.waits.connectMs / 1000} s`,
          ),
    );
  }, options.waits.connectMs);
  return settle(promise, options.signal, reject, () => {
    clearTimeout(late);
    server.close();
    for (const caller of callers) if (caller.remotePort !== chosen) caller.destroy();
  });
}

function callControl(options: ControlOptions): Promise<Control> {
  const { promise, resolve, reject } = Promise.withResolvers<Control>();
  const host = options.peerAddress ?? "";
  let socket: TLSSocket | undefined;
  let retry: NodeJS.Timeout | undefined;
  let last = "no answer";
  const call = () => {
    const calling = connect({
      ...TLS,
      host,
      port: options.port,
      ...(options.localAddress && { localAddress: options.localAddress }),
      pskCallback: () => ({ psk: options.psk, identity: options.pskIdentity }),
      // There are no certificates: who has the key is the peer.
      checkServerIdentity: () => undefined,
    });
    socket = calling;
    calling.setTimeout(options.waits.handshakeMs, () => calling.destroy(new Error("no answer")));
    calling.once("secureConnect", () => {
      calling.setTimeout(0);
      socket = undefined;
      resolve(controlOver(calling));
    });
    calling.once("error", (error: NodeJS.ErrnoException) => {
      last = error.message;
      if (!error.code?.startsWith("ERR_SSL")) return;
      reject(new TransferError("peer-refused", `${host} did not accept this session's key`, error));
    });
    calling.once("close", () => {
      if (socket === calling) retry = setTimeout(call, RETRY_MS);
    });
  };
  call();
  const late = setTimeout(() => {
    const waited = `${options.waits.connectMs / 1000} s`;
    const where = `${host} port ${options.port}`;
    reject(new TransferError("peer-unreachable", `${where}: ${last}, for ${waited}`));
  }, options.waits.connectMs);
  return settle(promise, options.signal, reject, () => {
    clearTimeout(late);
    clearTimeout(retry);
    const calling = socket;
    socket = undefined;
    calling?.destroy();
  });
}

/** Adds the abort signal to a wait, and cleans up behind it however it ends. */
function settle(
  promise: Promise<Control>,
  signal: AbortSignal,
  reject: (reason: unknown) => void,
  clean: () => void,
): Promise<Control> {
  const stop = () => reject(signal.reason);
  signal.addEventListener("abort", stop);
  if (signal.aborted) stop();
  return promise.finally(() => {
    signal.removeEventListener("abort", stop);
    clean();
  });
}

function controlOver(socket: TLSSocket): Control {
  const parts: Buffer[] = [];
  let length = 0;
  let onMessage: ((message: ControlMessage) => void) | undefined;
  let onEnd = (_: Error) => {};
  let ended: Error | undefined;
  const end = (error: Error) => {
    ended ??= error;
    onEnd(ended);
  };
  const deliver = () => {
    while (onMessage !== undefined && length >= 4 && !socket.destroyed) {
      const all = parts.length === 1 ? (parts[0] ?? Buffer.alloc(0)) : Buffer.concat(parts);
      const size = all.readUInt32BE(0);
      parts.splice(0, parts.length, all);
      if (size > CONTROL_BYTES_MAX) throw new RangeError(`a message of ${size} bytes`);
      if (length < 4 + size) return;
      const message: unknown = JSON.parse(all.toString("utf8", 4, 4 + size));
      if (typeof message !== "object" || message === null) throw new TypeError("no object");
      length -= 4 + size;
      parts[0] = all.subarray(4 + size);
      onMessage(message as ControlMessage);
    }
  };
  const safely = () => {
    try {
      deliver();
    } catch (error) {
      socket.destroy();
      if (error instanceof TransferError) end(error);
      else end(new TransferError("protocol", "the peer's control message is malformed", error));
    }
  };
  socket.setNoDelay(true);
  socket.setKeepAlive(true, 30_000);
  socket.on("data", (part: Buffer) => {
    parts.push(part);
    length += part.length;
    safely();
  });
  socket.on("error", end);
  socket.on("close", () => end(new Error("the connection was closed")));
  return {
    exported: socket.exportKeyingMaterial(EXPORTER_BYTES, EXPORTER_LABEL, Buffer.alloc(0)),
    localAddress: plainAddress(socket.localAddress),
    remoteAddress: plainAddress(socket.remoteAddress),
    listen(messages, ends) {
      onMessage = messages;
      onEnd = ends;
      safely();
      if (ended) ends(ended);
    },
    send(message) {
      const body = Buffer.from(JSON.stringify(message));
      const head = Buffer.alloc(4);
      head.writeUInt32BE(body.length);
      if (socket.writable) socket.write(Buffer.concat([head, body]));
    },
    end: () =>
      new Promise((resolve) => {
        const late = setTimeout(() => socket.destroy(), LINGER_MS);
        const closed = () => {
          clearTimeout(late);
          resolve();
        };
        if (socket.closed) return closed();
        socket.once("close", closed);
        socket.end();
      }),
  };
}
