/** Whether a sealed server could listen at its port, before it says that it does. */

import { once } from "node:events";
import { createServer } from "node:net";
import { openSocket } from "../tsunami/sockets/open-socket.ts";
import { TransferError } from "../tsunami/transfer-error.ts";

/** @throws TransferError `peer-unreachable`: the port is taken, or forbidden, or the address another's. */
export async function checkPort(port: number, address: string | undefined): Promise<void> {
  const server = createServer((caller) => caller.destroy());
  try {
    await once(
      server.listen({ port, ...(address !== undefined && { host: address }) }),
      "listening",
    );
    const socket = await openSocket({ port, address }, () => {});
    await socket.close();
  } catch (cause) {
    const why = cause instanceof Error ? cause.message : String(cause);
    throw new TransferError("peer-unreachable", `cannot listen: ${why}`, cause);
  } finally {
    await new Promise((closed) => server.close(closed));
  }
}
