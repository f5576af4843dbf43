/**
 * What the engine needs of a UDP socket. Datagrams travel in batches, because the kernel can be
 * handed (and can hand over) 64 KiB at once: a batch is one buffer in which every datagram has
 * `segmentBytes`, only the last may be shorter. Sealed datagrams say their own length, so a
 * receiver can walk a batch whatever its segments are.
 */

export interface DatagramSocket {
  /** The local UDP port. */
  readonly port: number;
  /**
   * Sends a batch. The buffer may be reused when `send` returns. Failures of the network are the
   * network's loss: they are not reported.
   *
   * @returns `false` when the kernel has no room now: nothing (more) of the batch was taken and
   * the rest counts as lost.
   */
  send(batch: Buffer, segmentBytes: number, port: number, address: string): boolean;
  /** Closes at once. No event comes afterwards. */
  close(): void;
}

/**
 * Called for every arrival: one datagram, or several of one sender in a row. The batch is the
 * handler's only while it runs: its memory is given back then.
 */
export type DatagramHandler = (batch: Buffer, port: number, address: string) => void;
