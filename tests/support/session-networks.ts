/** What the datagrams of a whole session can travel over: both real sockets, and memory that treats them badly. */

import type { DatagramHandler, DatagramSocket } from "../../tsunami/sockets/datagram-socket.ts";
import type { openSocket } from "../../tsunami/sockets/open-socket.ts";
import { GROUNDS } from "./grounds.ts";
import { type LinkConditions, MemoryLink } from "./memory-network.ts";

const ADDRESS = "127.0.0.1";
const STEP_MS = 1;

const CONDITIONS: LinkConditions = {
  ...{ bitsPerSecond: 400e6, delayMs: 5, loss: 0.02, burst: 3 },
  ...{ duplicate: 0.01, corrupt: 0.001, jitterMs: 2 },
};

interface Place {
  readonly onDatagrams: DatagramHandler;
  /** What leaves this port. */
  readonly link: MemoryLink;
  to: number;
}

/** A network that loses, repeats, reorders, bends and delays; in the session's own time. */
function memory(seed = 1): typeof openSocket {
  const places = new Map<number, Place>();
  let lastPort = 40_000;
  let timer: NodeJS.Timeout | undefined;
  const step = () => {
    for (const [port, { link, to }] of places) {
      for (const datagram of link.arrivals(performance.now())) {
        places.get(to)?.onDatagrams(Buffer.from(datagram), port, ADDRESS);
      }
    }
  };
  return async (bind, onDatagrams): Promise<DatagramSocket> => {
    if (bind.port === 0) lastPort += 1;
    const port = bind.port || lastPort;
    if (places.has(port)) throw new Error(`port ${port} is in use`);
    const place = { onDatagrams, link: new MemoryLink(CONDITIONS, seed + places.size), to: 0 };
    places.set(port, place);
    timer ??= setInterval(step, STEP_MS);
    return {
      port,
      send(batch, segmentBytes, to) {
        place.to = to;
        for (let at = 0; at < batch.length; at += segmentBytes) {
          place.link.send(batch.subarray(at, at + segmentBytes), performance.now());
        }
        return true;
      },
      close() {
        if (places.get(port) === place) places.delete(port);
        if (places.size > 0) return;
        clearInterval(timer);
        timer = undefined;
      },
    };
  };
}

export const SESSION_NETWORKS = {
  plain: () => GROUNDS.plain().open,
  batched: () => GROUNDS.batched().open,
  memory,
} as const;
