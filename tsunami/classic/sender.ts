/**
 * The sender (`tsunamid`): listens, and runs one session a connection. All sessions share the event
 * loop, so that a transfer costs no spinning process; there is a limit on their number.
 */

import { once } from "node:events";
import { createServer, type Server, type Socket } from "node:net";
import { ClassicError } from "./classic-error.ts";
import { CONNECTIONS_MAX, DEFAULT_HEARTBEAT_TIMEOUT_MS, DEFAULT_PORT } from "./constants.ts";
import { ControlStream } from "./control-stream.ts";
import { runSenderSession, type SenderEvent } from "./sender-session.ts";
import { SharedFiles } from "./shared-files.ts";

export type ServeEvent = { readonly peer: string } & (
  | SenderEvent
  | { readonly kind: "connected" }
  | { readonly kind: "closed"; readonly error?: Error }
);

export interface ServeOptions {
  /** Address to listen on. Default: all of IPv4, as the original. */
  readonly address?: string;
  /** TCP. Default 46224; 0 takes a free one. */
  readonly port?: number;
  readonly secret: Uint8Array;
  readonly paths: readonly string[];
  readonly heartbeatTimeoutMs?: number;
  readonly handshakeTimeoutMs?: number;
  readonly idleTimeoutMs?: number;
  readonly onEvent?: (event: ServeEvent) => void;
}

export interface ClassicSender {
  readonly address: string;
  readonly port: number;
  readonly files: SharedFiles;
  /** Ends all sessions and stops listening. */
  close(): Promise<void>;
}

/** @throws ClassicError when a file cannot be served or the port cannot be taken. */
export async function serveClassic(options: ServeOptions): Promise<ClassicSender> {
  if (options.secret.length === 0) {
    throw new ClassicError("protocol", "the shared secret is empty: nobody could prove to know it");
  }
  const files = await SharedFiles.open(options.paths);
  const server = createServer();
  server.maxConnections = CONNECTIONS_MAX;
  const stop = new AbortController();
  const sessions = new Set<Promise<void>>();
  server.on("connection", (socket) => {
    const session = runSession({ socket, files, options, signal: stop.signal });
    sessions.add(session);
    session.finally(() => sessions.delete(session)).catch(() => {});
  });
  const { address, port } = await listen(server, options);
  const close = async (): Promise<void> => {
    stop.abort();
    await Promise.all([new Promise((resolve) => server.close(resolve)), ...sessions]);
  };
  return { address, port, files, close };
}

async function listen(
  server: Server,
  { address = "0.0.0.0", port = DEFAULT_PORT }: ServeOptions,
): Promise<{ address: string; port: number }> {
  server.listen(port, address);
  try {
    await once(server, "listening");
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new ClassicError("peer-unreachable", `cannot listen: ${reason}`, { cause });
  }
  const bound = server.address();
  if (bound === null || typeof bound === "string") return { address, port };
  return { address: bound.address, port: bound.port };
}

async function runSession({
  socket,
  files,
  options,
  signal,
}: {
  readonly socket: Socket;
  readonly files: SharedFiles;
  readonly options: ServeOptions;
  readonly signal: AbortSignal;
}): Promise<void> {
  // An IPv6 socket shows IPv4 peers in their mapped form, which a UDP socket for IPv4 cannot use.
  const peerAddress = (socket.remoteAddress ?? "").replace(/^::ffff:/, "");
  const peer = `${peerAddress}:${socket.remotePort}`;
  const onEvent = (event: SenderEvent): void => options.onEvent?.({ peer, ...event });
  const stream = new ControlStream(socket);
  const onAbort = (): void => stream.destroy();
  signal.addEventListener("abort", onAbort, { once: true });
  options.onEvent?.({ peer, kind: "connected" });
  let failure: Error | undefined;
  try {
    await runSenderSession({
      stream,
      peerAddress,
      secret: options.secret,
      files,
      heartbeatTimeoutMs: options.heartbeatTimeoutMs ?? DEFAULT_HEARTBEAT_TIMEOUT_MS,
      ...(options.handshakeTimeoutMs && { handshakeTimeoutMs: options.handshakeTimeoutMs }),
      ...(options.idleTimeoutMs && { idleTimeoutMs: options.idleTimeoutMs }),
      signal,
      onEvent,
    });
    stream.close();
  } catch (error) {
    failure = error instanceof Error ? error : new Error(String(error));
    stream.destroy();
  } finally {
    signal.removeEventListener("abort", onAbort);
    options.onEvent?.({ peer, kind: "closed", ...(failure && { error: failure }) });
  }
}
