/**
 * What goes before a sealed transfer of files: the sealed engine moves volumes whose sizes both
 * sides know, and a person who types `get` knows only names. One short exchange over the engine's
 * own control channel, under the same key but an identity of its own:
 *
 *   serving side   { type: "offer", files: [{ name, sizeBytes }] }
 *   getting side   { type: "take", names: [...], rateCapBitsPerSecond? }
 *                  no names: it only wanted the list
 *
 * Then both close, and meet again for the transfer with the volumes in the order taken.
 */

import {
  type Control,
  type ControlMessage,
  type ControlOptions,
  openControl,
} from "../tsunami/sealed/control.ts";
import { CONTROL_BYTES_MAX, VOLUMES_MAX, WAITS } from "../tsunami/sealed/limits.ts";
import { TransferError } from "../tsunami/transfer-error.ts";

const OFFER_IDENTITY = "tsunami-offer";
/** Identity of the transfer that follows. */
export const FILES_IDENTITY = "tsunami-files";
/** Ours. For the other side's half of the exchange; it thinks no longer than a program does. */
const ANSWER_MS = 10_000;
/** Ours. A timer counts milliseconds in 31 bits: a server waits three weeks, then again. */
const PATIENCE_MS = 2 ** 31 - 1;
/** Ours. Room for the frame around the names. */
const OFFER_MARGIN_BYTES = 1024;

export interface OfferedFile {
  readonly name: string;
  readonly sizeBytes: number;
}

export interface OfferOptions {
  readonly port: number;
  readonly psk: Uint8Array;
  readonly signal: AbortSignal;
}

/** @throws TransferError `protocol` when so many files do not fit the exchange. */
export function checkOffer(files: readonly OfferedFile[]): void {
  const bytes = Buffer.byteLength(JSON.stringify(files));
  if (bytes > CONTROL_BYTES_MAX - OFFER_MARGIN_BYTES) {
    throw new TransferError("protocol", `the names of ${files.length} files are too long a list`);
  }
}

/** What a receiver takes of an offer. */
export interface TakenFiles {
  /** All of them offered; none when it only looked. */
  readonly names: readonly string[];
  /** The sender paces, so that it must know what the receiver wants at most. */
  readonly rateCapBitsPerSecond: number | undefined;
}

/** Waits for one receiver, tells it the files, hears which it takes. */
export async function offerFiles(
  files: readonly OfferedFile[],
  options: OfferOptions & { readonly localAddress?: string | undefined },
): Promise<TakenFiles> {
  const { localAddress, port, psk, signal } = options;
  const { control, heard } = await meet(
    {
      listens: true,
      ...(localAddress !== undefined && { localAddress }),
      port,
      psk,
      pskIdentity: OFFER_IDENTITY,
    },
    { connectMs: PATIENCE_MS, signal },
  );
  try {
    control.send({ type: "offer", files });
    const { names, rateCapBitsPerSecond: cap } = await nextMessage(heard, "take", signal);
    const offered = new Set(files.map(({ name }) => name));
    if (!isListOf(names, (name) => typeof name === "string" && offered.has(name))) {
      throw new TransferError("protocol", "the receiver takes files that were not offered");
    }
    if (cap !== undefined && !(typeof cap === "number" && cap >= 1)) {
      throw new TransferError("protocol", "the receiver wants a rate that is none");
    }
    return { names: names as readonly string[], rateCapBitsPerSecond: cap };
  } finally {
    await control.end();
  }
}

/**
 * Asks a server for its files and takes some.
 *
 * @param choose - Which; it may throw, then nothing is taken.
 */
export async function takeFiles<T extends readonly OfferedFile[]>(
  choose: (files: readonly OfferedFile[]) => T,
  options: OfferOptions & {
    readonly peerAddress: string;
    readonly connectTimeoutMs: number;
    readonly rateCapBitsPerSecond?: number | undefined;
  },
): Promise<T> {
  const { peerAddress, port, psk, signal, connectTimeoutMs, rateCapBitsPerSecond } = options;
  const { control, heard } = await meet(
    { listens: false, peerAddress, port, psk, pskIdentity: OFFER_IDENTITY },
    { connectMs: connectTimeoutMs, signal },
  );
  try {
    const { files } = await nextMessage(heard, "offer", signal);
    if (!isListOf(files, isOfferedFile)) {
      throw new TransferError("protocol", "the server's offer is no list of files");
    }
    const taken = choose(files as readonly OfferedFile[]);
    if (taken.length > VOLUMES_MAX) {
      throw new TransferError("protocol", `more than ${VOLUMES_MAX} files at a time`);
    }
    control.send({ type: "take", names: taken.map(({ name }) => name), rateCapBitsPerSecond });
    return taken;
  } finally {
    await control.end();
  }
}

/** The control channel, and the first message that comes over it. */
async function meet(
  options: ControlOptions,
  { connectMs, signal }: { readonly connectMs: number; readonly signal: AbortSignal },
): Promise<{ readonly control: Control; readonly heard: Promise<ControlMessage> }> {
  const { promise, resolve, reject } = Promise.withResolvers<ControlMessage>();
  // Whoever does not come to wait for it has another failure to tell.
  promise.catch(() => {});
  const lose = (error: Error): void => {
    reject(new TransferError("peer-lost", `the peer is gone: ${error.message}`, error));
  };
  const control = await openControl(options, { ...WAITS, connectMs }, signal, resolve, lose);
  return { control, heard: promise };
}

async function nextMessage(
  heard: Promise<ControlMessage>,
  type: string,
  signal: AbortSignal,
): Promise<ControlMessage> {
  const late = Promise.withResolvers<never>();
  const timer = setTimeout(() => {
    late.reject(new TransferError("peer-lost", `the peer did not ${type} anything`));
  }, ANSWER_MS);
  const stop = (): void => late.reject(new TransferError("stopped", "stopped on request"));
  signal.addEventListener("abort", stop);
  try {
    const message = await Promise.race([heard, late.promise]);
    if (message.type === type) return message;
    throw new TransferError("protocol", `the peer should ${type}, and said something else`);
  } finally {
    clearTimeout(timer);
    signal.removeEventListener("abort", stop);
  }
}

function isListOf(value: unknown, isItem: (item: unknown) => boolean): boolean {
  return Array.isArray(value) && value.every(isItem);
}

function isOfferedFile(value: unknown): boolean {
  if (typeof value !== "object" || value === null) return false;
  const { name, sizeBytes } = value as Readonly<Record<string, unknown>>;
  return typeof name === "string" && Number.isSafeInteger(sizeBytes) && Number(sizeBytes) >= 0;
}
