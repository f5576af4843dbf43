/** Several localclouds at once: each takes a 127.A.0.0/16 by listening on 127.A.0.2. */

import type { Server } from "node:http";

/** Ours. Below the ports that systems give to clients, so that no outgoing connection holds it. */
const PORT = 18_127;
/** Ours. 127.0 and 127.1 are in use by systems and habit; 190 localclouds are enough. */
const SLOTS = { first: 64, count: 190 };

export interface AddressClaim {
  readonly endpoint: string;
  /** The A of 127.A.0.0/16. */
  readonly slot: number;
  release(): Promise<void>;
}

/** @throws when no address can be had; the message says what the system said. */
export async function claimAddressSpace(server: Server): Promise<AddressClaim> {
  // From a random place on: two that start together seldom meet.
  const start = Math.floor(Math.random() * SLOTS.count);
  for (let i = 0; i < SLOTS.count; i += 1) {
    const slot = SLOTS.first + ((start + i) % SLOTS.count);
    const host = `127.${slot}.0.2`;
    if (await listen(server, host)) {
      return { endpoint: `http://${host}:${PORT}`, slot, release: () => close(server) };
    }
  }
  throw new Error(
    `localcloud: all ${SLOTS.count} addresses 127.A.0.2 have port ${PORT} in use: end some localclouds`,
  );
}

function listen(server: Server, host: string): Promise<boolean> {
  return new Promise((resolve, reject) => {
    const onError = (error: NodeJS.ErrnoException): void => {
      if (error.code === "EADDRINUSE") resolve(false);
      else if (error.code === "EADDRNOTAVAIL") {
        reject(
          new Error(
            `localcloud needs the loopback addresses 127.0.0.0/8, and ${host} is not there: ` +
              "on macOS add each with `sudo ifconfig lo0 alias`, or use Linux",
            { cause: error },
          ),
        );
      } else reject(error);
    };
    server.once("error", onError);
    server.listen(PORT, host, () => {
      server.off("error", onError);
      resolve(true);
    });
  });
}

async function close(server: Server): Promise<void> {
  await new Promise<void>((resolve) => {
    server.close(() => resolve());
    server.closeAllConnections();
  });
}
