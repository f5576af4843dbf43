/**
 * What the engine needs of a UDP socket. Datagrams travel in batches, because the kernel can be
 * handed (and can hand over) 64 KiB at once: a batch is one buffer in which every datagram has
 * `segmentBytes`, only the last may be shorter. Sealed datagrams say their own length, so a
 * receiver can walk a batch whatever its segments are.
 */

/** Ours. Bytes waiting in the process: beyond this the kernel has no room and we say so. */
export const QUEUED_BYTES_MAX = 1 << 20;

export interface DatagramSocket {
  /** The local UDP port. */
  readonly port: number;
  /**
   * Sends a batch. Mostly the kernel takes it within this call; what it does not take goes later from the
   * same memory, which must stay as it is until {@link QUEUED_BYTES_MAX} more have been sent.
   * Failures of the network are the network's loss: they are not reported.
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
