/** The best socket that this runtime and this kernel have. */

import { openBatchedSocket } from "./batched-socket.ts";
import type { DatagramHandler, DatagramSocket } from "./datagram-socket.ts";
import { openPlainSocket } from "./plain-socket.ts";

/** Binds a UDP socket. Rejects with the system's error when the address is not free. */
export function openSocket(
  bind: { readonly port: number; readonly address?: string | undefined },
  onDatagrams: DatagramHandler,
): Promise<DatagramSocket> {
  return openBatchedSocket(bind, onDatagrams).catch(() => openPlainSocket(bind, onDatagrams));
}
