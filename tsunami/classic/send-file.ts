/**
 * One file to one receiver: the loop that takes turns, reads blocks and hands datagrams to the
 * socket. What to send and when is decided in `sender-state.ts`.
 *
 * 1. requests that have come are read off the control connection
 * 2. turns that are due are taken; their datagrams go out in small batches
 * 3. nothing due: sleep until the next turn, a request or the end of the connection
 */

import type { Socket } from "node:dgram";
import type { BlockSource } from "./block-source.ts";
import { ClassicError } from "./classic-error.ts";
import {
  BATCH_MAX_DATAGRAMS,
  DATAGRAM_HEADER_BYTES,
  SEND_QUEUE_MAX_DATAGRAMS,
} from "./constants.ts";
import type { ControlStream } from "./control-stream.ts";
import { BlockType, type DatagramHeader, writeDatagramHeader } from "./datagram.ts";
import type { SenderState } from "./sender-state.ts";
import { decodeRequest, REQUEST_BYTES, type Request, RequestType } from "./wire.ts";

export interface SendFileOptions {
  readonly stream: ControlStream;
  /** Connected to the receiver's UDP port. */
  readonly socket: Socket;
  readonly state: SenderState;
  readonly source: BlockSource;
  readonly blockSizeBytes: number;
  readonly signal: AbortSignal;
}

export interface SentFile {
  readonly datagrams: number;
  readonly retransmitted: number;
  readonly requests: number;
}

/** Requests taken off the connection ahead of their turn: enough to see a STOP behind a full round. */
const REQUESTS_AHEAD_MAX = 4096;

/** @throws ClassicError `peer-lost` when the receiver goes silent or away, `disk-io`, `stopped`. */
export async function sendFile(options: SendFileOptions): Promise<SentFile> {
  const { state, stream, signal } = options;
  const waiting: Request[] = [];
  const sent = { datagrams: 0, retransmitted: 0, requests: 0 };
  for (;;) {
    if (signal.aborted) throw new ClassicError("stopped", "stopped while sending");
    sent.requests += readRequests(stream, waiting);
    // Whoever says STOP needs none of the blocks asked for before.
    if (waiting.at(-1)?.type === RequestType.stop) return sent;
    if (stream.ended) {
      throw new ClassicError("peer-lost", "the receiver closed the connection in mid-transfer");
    }
    const batch: DatagramHeader[] = [];
    while (batch.length < BATCH_MAX_DATAGRAMS && hasTurn(state, waiting)) {
      const turn = state.turn(nowUs(), waiting.shift());
      if (turn.kind === "send") batch.push(turn);
      else if (turn.kind === "end") return endOf(turn.reason, sent);
    }
    await sendBatch(options, batch);
    sent.datagrams += batch.length;
    for (const header of batch) {
      if (header.blockType === BlockType.retransmitted) sent.retransmitted++;
    }
    await pause(options, state.dueUs(waiting.length > 0));
  }
}

function hasTurn(state: SenderState, waiting: readonly Request[]): boolean {
  return state.dueUs(waiting.length > 0) <= nowUs();
}

function endOf(reason: "stop" | "heartbeat", sent: SentFile): SentFile {
  if (reason === "stop") return sent;
  throw new ClassicError("peer-lost", "the receiver said nothing for the whole heartbeat time");
}

/** @returns How many came. The last one in the queue is a STOP if there was any. */
function readRequests(stream: ControlStream, waiting: Request[]): number {
  let count = 0;
  while (waiting.length < REQUESTS_AHEAD_MAX) {
    const bytes = stream.take(REQUEST_BYTES);
    if (bytes === undefined) break;
    const request = decodeRequest(bytes);
    waiting.push(request);
    count++;
    if (request.type === RequestType.stop) break;
  }
  return count;
}

/** All datagrams have one size, so that one piece of memory holds the batch. */
async function sendBatch(
  { socket, source, blockSizeBytes }: SendFileOptions,
  batch: readonly DatagramHeader[],
): Promise<void> {
  if (batch.length === 0) return;
  const datagramBytes = DATAGRAM_HEADER_BYTES + blockSizeBytes;
  // Fresh memory: the socket may keep it until the kernel has room.
  const bytes = Buffer.allocUnsafe(batch.length * datagramBytes);
  let offset = 0;
  for (const header of batch) {
    const { blockNumber, blockType } = header;
    writeDatagramHeader(bytes, offset, header);
    while (!source.copy(blockNumber, bytes, offset + DATAGRAM_HEADER_BYTES)) {
      await source.load(blockNumber);
    }
    if (blockType === BlockType.original) source.readAhead(blockNumber);
    // A refused datagram is a lost one; the receiver will ask again.
    socket.send(bytes, offset, datagramBytes, ignoreSendError);
    offset += datagramBytes;
  }
}

function ignoreSendError(): void {}

/** Sleeps until `dueUs` or a change on the connection (an abort closes it). Always lets others run. */
async function pause({ socket, stream }: SendFileOptions, dueUs: number): Promise<void> {
  const congested = socket.getSendQueueCount() > SEND_QUEUE_MAX_DATAGRAMS;
  const waitMs = congested ? 1 : (dueUs - nowUs()) / 1000;
  const { promise, resolve } = Promise.withResolvers<void>();
  if (waitMs <= 0) {
    setImmediate(resolve);
    await promise;
    return;
  }
  const timer = setTimeout(resolve, Math.min(waitMs, PAUSE_MAX_MS));
  stream.onChange = resolve;
  await promise;
  stream.onChange = undefined;
  clearTimeout(timer);
}

/** Timers count in 32 bits; a turn may be due in days when a receiver asks for a few bit/s. */
const PAUSE_MAX_MS = 1000;

function nowUs(): number {
  return performance.now() * 1000;
}
