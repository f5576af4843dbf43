/**
 * The {@link DatagramSocket} that hands the kernel up to 64 KiB at a time (UDP_SEGMENT) and takes as
 * much from it (UDP_GRO): six times the datagrams for the same time. `node:dgram` still does the
 * work; the socket is only opened, and its options set, through `node:ffi`.
 *
 * It also forbids the kernel to cut datagrams to pieces, which plain Node cannot.
 */

import { createSocket } from "node:dgram";
import { type DatagramHandler, type DatagramSocket, QUEUED_BYTES_MAX } from "./datagram-socket.ts";
import { freeBuffer } from "./free-buffer.ts";

/** Linux, all architectures that Node runs on but MIPS and SPARC. */
const AF_INET = 2;
const SOCK_DGRAM_CLOEXEC_NONBLOCK = 2 | 0o2000000 | 0o4000;
const SOL_SOCKET = 1;
const SO_SNDBUF = 7;
const SO_RCVBUF = 8;
const SO_SNDBUFFORCE = 32;
const SO_RCVBUFFORCE = 33;
const IP_MTU_DISCOVER = [0, 10] as const;
const IP_PMTUDISC_PROBE = 3;
const UDP_SEGMENT = [17, 103] as const;
const UDP_GRO = [17, 104] as const;

/** Ours. An event loop that stalls for 50 ms at 2.5 Gbit/s; without privileges the kernel gives less. */
const SOCKET_BUFFER_BYTES = 16 << 20;

/**
 * Binds a batched UDP socket.
 *
 * @throws Error - The runtime has no `node:ffi`, the kernel no such options, or the address is
 * not free or not IPv4: the plain socket will do, or say why not.
 */
export async function openBatchedSocket(
  bind: { readonly port: number; readonly address?: string | undefined },
  onDatagrams: DatagramHandler,
): Promise<DatagramSocket> {
  if (process.platform !== "linux") throw new Error("not Linux");
  const { dlopen } = await import("node:ffi");
  const { functions: kernel } = dlopen(null, {
    socket: { arguments: ["i32", "i32", "i32"], return: "i32" },
    setsockopt: { arguments: ["i32", "i32", "i32", "buffer", "u32"], return: "i32" },
    bind: { arguments: ["i32", "buffer", "u32"], return: "i32" },
    close: { arguments: ["i32"], return: "i32" },
  });
  const fd = kernel.socket(AF_INET, SOCK_DGRAM_CLOEXEC_NONBLOCK, 0);
  const set = (level: number, option: number, value: number) =>
    kernel.setsockopt(fd, level, option, Buffer.from(Int32Array.of(value).buffer), 4) === 0;
  const address = Buffer.alloc(16);
  address.writeUInt16LE(AF_INET);
  address.writeUInt16BE(bind.port, 2);
  address.set((bind.address ?? "0.0.0.0").split(".").map(Number), 4);
  const able =
    set(...UDP_GRO, 1) &&
    set(...UDP_SEGMENT, 0) &&
    set(...IP_MTU_DISCOVER, IP_PMTUDISC_PROBE) &&
    !bind.address?.includes(":") &&
    kernel.bind(fd, address, address.length) === 0;
  if (!able) {
    kernel.close(fd);
    throw new Error("no batched socket here");
  }
  for (const [force, ask] of [
    [SO_RCVBUFFORCE, SO_RCVBUF],
    [SO_SNDBUFFORCE, SO_SNDBUF],
  ] as const) {
    if (!set(SOL_SOCKET, force, SOCKET_BUFFER_BYTES)) set(SOL_SOCKET, ask, SOCKET_BUFFER_BYTES);
  }
  const socket = createSocket({
    type: "udp4",
    lookup: (host, _, found) => found(null, host, 4),
  });
  socket.on("error", () => {});
  socket.on("message", (message, from) => {
    onDatagrams(message, from.port, from.address);
    freeBuffer(message);
  });
  await new Promise<void>((resolve) => socket.bind({ fd, exclusive: true }, resolve));
  let segments = 0;
  let batches = true;
  let closed = false;
  const send = (bytes: Buffer, port: number, to: string) => {
    // A kernel may accept the option and then refuse every send: from then on, one by one.
    const sent = (error: Error | null) => {
      if (error && bytes.length > segments && segments) batches = false;
    };
    socket.send(bytes, port, to, sent);
  };
  return {
    port: socket.address().port,
    send(batch, segmentBytes, port, to) {
      const whole = batches || batch.length <= segmentBytes;
      // One datagram that is not longer than a segment is left alone, so notes need no change of the option.
      const wanted = batches ? segmentBytes : 0;
      const cut = batch.length > Math.min(segments, segmentBytes);
      if (segments !== wanted && (cut || !wanted)) {
        if (set(...UDP_SEGMENT, wanted)) segments = wanted;
      }
      const step = whole ? batch.length : segmentBytes;
      for (let at = 0; at < batch.length; at += step) {
        if (closed || socket.getSendQueueSize() > QUEUED_BYTES_MAX) return false;
        send(batch.subarray(at, at + step), port, to);
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
