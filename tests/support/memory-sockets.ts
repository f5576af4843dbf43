/** {@link DatagramSocket}s on a network that is nothing but memory; what is sent arrives at the next step. */

import type { DatagramHandler, DatagramSocket } from "../../tsunami/sockets/datagram-socket.ts";

const ADDRESS = "127.0.0.1";

export class MemoryNetwork {
  readonly #bound = new Map<number, DatagramHandler>();
  #waiting: (() => void)[] = [];
  #lastPort = 40_000;

  /** As the real sockets are opened. */
  readonly open = async (
    bind: { readonly port: number; readonly address?: string | undefined },
    onDatagrams: DatagramHandler,
  ): Promise<DatagramSocket> => {
    if (bind.port === 0) this.#lastPort += 1;
    const port = bind.port || this.#lastPort;
    if (this.#bound.has(port)) throw new Error(`port ${port} is in use`);
    this.#bound.set(port, onDatagrams);
    let closed = false;
    return {
      port,
      send: (batch, _, to) => {
        if (closed) return false;
        const copy = Buffer.from(batch);
        this.#waiting.push(() => this.#bound.get(to)?.(copy, port, ADDRESS));
        return true;
      },
      close: () => {
        if (!closed) this.#bound.delete(port);
        closed = true;
      },
    };
  };

  /** Everything that was sent before arrives. */
  step(): void {
    const arriving = this.#waiting;
    this.#waiting = [];
    for (const arrive of arriving) arrive();
  }
}
