/** The receiver's UDP socket: the first free port upwards from the wanted one. */

import { createSocket, type Socket } from "node:dgram";
import { once } from "node:events";
import { isIPv6 } from "node:net";
import { ClassicError } from "./classic-error.ts";
import { DEFAULT_PORT, SOCKET_BUFFER_BYTES, UDP_PORT_ATTEMPTS } from "./constants.ts";

export interface UdpPortOptions {
  /** First port to try. Default 46224. */
  readonly udpPort?: number;
  /** Decides between IPv4 and IPv6. */
  readonly peerAddress: string;
  /** Makes the socket; tests put a lossy one here. */
  readonly createUdp?: typeof createSocket;
}

/** @throws ClassicError `peer-unreachable` when all ports are taken. */
export async function bindUdp(options: UdpPortOptions): Promise<Socket> {
  const first = options.udpPort ?? DEFAULT_PORT;
  const last = Math.min(65_535, first + UDP_PORT_ATTEMPTS - 1);
  let cause: unknown;
  for (let port = first; port <= last; port++) {
    const make = options.createUdp ?? createSocket;
    const socket = make(isIPv6(options.peerAddress) ? "udp6" : "udp4");
    try {
      socket.bind({ port, exclusive: true });
      await once(socket, "listening");
      return withLargeBuffer(socket);
    } catch (error) {
      cause = error;
      socket.close();
    }
  }
  throw new ClassicError("peer-unreachable", `no free UDP port from ${first} to ${last}`, {
    cause,
  });
}

function withLargeBuffer(socket: Socket): Socket {
  try {
    socket.setRecvBufferSize(SOCKET_BUFFER_BYTES);
  } catch {
    // The kernel's own size: more loss at high rates, nothing worse.
  }
  return socket;
}
