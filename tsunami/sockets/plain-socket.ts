/** The portable {@link DatagramSocket}: `node:dgram`, one system call a datagram. */

import { createSocket } from "node:dgram";
import { type DatagramHandler, type DatagramSocket, QUEUED_BYTES_MAX } from "./datagram-socket.ts";
import { freeBuffer } from "./free-buffer.ts";

/** Ours. Covers an event loop that stalls for 50 ms at 1 Gbit/s; the kernel may give less. */
const SOCKET_BUFFER_BYTES = 8 << 20;

/** Binds a plain UDP socket. Rejects with the system's error when the address is not free. */
export async function openPlainSocket(
  bind: { readonly port: number; readonly address?: string | undefined },
  onDatagrams: DatagramHandler,
): Promise<DatagramSocket> {
  const socket = createSocket({
    type: bind.address?.includes(":") ? "udp6" : "udp4",
    recvBufferSize: SOCKET_BUFFER_BYTES,
    sendBufferSize: SOCKET_BUFFER_BYTES,
    // Addresses are numbers: the resolver's detour would make every send asynchronous.
    lookup: (address, _, found) => found(null, address, address.includes(":") ? 6 : 4),
  });
  await new Promise<void>((resolve, reject) => {
    socket.once("error", reject);
    socket.bind({ port: bind.port, ...(bind.address && { address: bind.address }) }, () => {
      socket.off("error", reject);
      resolve();
    });
  });
  // An ICMP answer is the network's word about a datagram that is lost anyway.
  socket.on("error", () => {});
  socket.on("message", (message, from) => {
    onDatagrams(message, from.port, from.address);
    freeBuffer(message);
  });
  let closed = false;
  const ignore = () => {};
  return {
    port: socket.address().port,
    send(batch, segmentBytes, port, address) {
      for (let at = 0; at < batch.length; at += segmentBytes) {
        if (closed || socket.getSendQueueSize() > QUEUED_BYTES_MAX) return false;
        socket.send(batch.subarray(at, at + segmentBytes), port, address, ignore);
      }
      return true;
    },
    close() {
      if (closed) return;
      closed = true;
      socket.close();
    },
  };
}
