/** What the engine's datagrams can travel over: both real sockets, and memory with a hand-walked clock. */

import { setTimeout as pause } from "node:timers/promises";
import { openBatchedSocket } from "../../tsunami/sockets/batched-socket.ts";
import { openPlainSocket } from "../../tsunami/sockets/plain-socket.ts";
import { MemoryNetwork } from "./memory-sockets.ts";

export interface Ground {
  readonly open: typeof openPlainSocket;
  nowMs(): number;
  /** Lets what is on its way arrive, and a millisecond pass. */
  step(): Promise<void>;
}

const real = (open: Ground["open"]) => (): Ground => ({
  open,
  nowMs: () => performance.now(),
  step: async () => {
    await pause(1);
  },
});

const memory = (): Ground => {
  const network = new MemoryNetwork();
  let now = 0;
  return {
    open: network.open,
    nowMs: () => now,
    step: async () => {
      network.step();
      now += 1;
    },
  };
};

export const GROUNDS = {
  plain: real(openPlainSocket),
  batched: real(openBatchedSocket),
  memory,
} as const;

/** Why a kind of socket cannot be tried here. */
export function missing(kind: keyof typeof GROUNDS): string | false {
  const has = process.platform === "linux" && process.versions.node.startsWith("26.");
  return kind === "batched" && !has && "no node:ffi here";
}
