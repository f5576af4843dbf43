/**
 * Somebody on the path between two sealed sessions: every datagram and every byte of the control
 * connection goes through this relay, which keeps what it sees and does with it what an attack says.
 *
 *   caller 127.0.0.4 → relay 127.0.0.3, port p → (from 127.0.0.3) listener 127.0.0.2, port p
 *
 * Each side was told that its peer is at the relay's address, as it would see its true peer when
 * somebody in between forges addresses.
 */

import { createSocket, type Socket as UdpSocket } from "node:dgram";
import { once } from "node:events";
import { connect, createServer, type Socket } from "node:net";

export const LISTENER = "127.0.0.2";
export const RELAY = "127.0.0.3";
export const CALLER = "127.0.0.4";
/** Where an attacker speaks from who is not on the path. */
export const ELSEWHERE = "127.0.0.5";

/** Ours. What a wire tap keeps; enough for the disks of these tests several times over. */
const RECORDED_BYTES_MAX = 256 << 20;

export type Direction = "to-listener" | "to-caller";

export interface Attack {
  /** What goes on instead of a datagram: nothing, itself, others. */
  readonly datagram?: (bytes: Buffer, direction: Direction) => readonly Buffer[];
  /** What goes on instead of a piece of the control connection; `"cut"` resets it. */
  readonly control?: (bytes: Buffer, direction: Direction, connection: number) => Buffer | "cut";
}

export interface Seen {
  readonly path: "control" | "data";
  readonly direction: Direction;
  readonly bytes: Buffer;
}

export interface ManInTheMiddle {
  /** Everything seen so far, in order. */
  readonly seen: readonly Seen[];
  readonly connections: number;
  /** Sends a datagram as if it came from the other side. */
  inject(bytes: Buffer, direction: Direction): void;
  close(): Promise<void>;
}

export async function standInTheMiddle(
  port: number,
  attack: Attack = {},
  /** @default the port of the listener; another one leads the caller to somebody else */
  listenerPort = port,
): Promise<ManInTheMiddle> {
  const seen: Seen[] = [];
  let recordedBytes = 0;
  const record = (path: Seen["path"], direction: Direction, bytes: Buffer) => {
    recordedBytes += bytes.length;
    if (recordedBytes <= RECORDED_BYTES_MAX) seen.push({ path, direction, bytes });
  };

  const front = await boundSocket(port);
  const back = await boundSocket(0);
  let callerPort: number | undefined;
  let closed = false;
  const inject = (bytes: Buffer, direction: Direction) => {
    if (closed || bytes.length === 0) return;
    if (direction === "to-listener") back.send(bytes, listenerPort, LISTENER, ignore);
    else if (callerPort !== undefined) front.send(bytes, callerPort, CALLER, ignore);
  };
  const relay = (bytes: Buffer, direction: Direction) => {
    record("data", direction, bytes);
    for (const one of attack.datagram?.(bytes, direction) ?? [bytes]) inject(one, direction);
  };
  front.on("message", (bytes, from) => {
    callerPort = from.port;
    relay(bytes, "to-listener");
  });
  back.on("message", (bytes) => relay(bytes, "to-caller"));

  const sockets = new Set<Socket>();
  let connections = 0;
  const server = createServer((caller) => {
    connections += 1;
    const number = connections;
    const listener = connect({ port: listenerPort, host: LISTENER, localAddress: RELAY });
    const pair = [caller, listener];
    const cut = () => {
      for (const socket of pair) socket.destroy();
    };
    const pipe = (from: Socket, to: Socket, direction: Direction) => {
      sockets.add(from);
      from.on("data", (bytes: Buffer) => {
        record("control", direction, bytes);
        const out = attack.control?.(bytes, direction, number) ?? bytes;
        if (out === "cut") cut();
        else if (to.writable && out.length > 0) to.write(out);
      });
      from.on("error", cut).on("close", () => {
        sockets.delete(from);
        cut();
      });
    };
    pipe(caller, listener, "to-listener");
    pipe(listener, caller, "to-caller");
  });
  server.listen(port, RELAY);
  await once(server, "listening");
  return {
    seen,
    get connections() {
      return connections;
    },
    inject,
    async close() {
      closed = true;
      const ended = [once(front, "close"), once(back, "close")];
      front.close();
      back.close();
      for (const socket of sockets) socket.destroy();
      await new Promise((resolve) => server.close(resolve));
      await Promise.all(ended);
    },
  };
}

const ignore = () => {};

async function boundSocket(port: number): Promise<UdpSocket> {
  const socket = createSocket({ type: "udp4", recvBufferSize: 8 << 20, sendBufferSize: 8 << 20 });
  socket.bind(port, RELAY);
  await once(socket, "listening");
  return socket.on("error", ignore);
}
