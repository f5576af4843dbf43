/**
 * What goes before a sealed transfer of files: the sealed engine moves volumes whose sizes both
 * sides know, and a person who types `get` knows only names. One exchange on the engine's own
 * control channel, made under an identity of its own:
 *
 *   getting side   { type: "want", names?: [...], rateCapBitsPerSecond? }
 *                  no names: it only wants the list
 *   serving side   { type: "offer", files: [{ name, sizeBytes }] }
 *
 * Both then choose by the same rule, and the transfer of what was chosen goes on over the same
 * connection: four round trips less than making another.
 */

import { basename } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { ALL_FILES } from "../tsunami/classic/wire.ts";
import {
  type Control,
  type ControlMessage,
  type ControlOptions,
  openControl,
} from "../tsunami/sealed/control.ts";
import { CONTROL_BYTES_MAX, VOLUMES_MAX, WAITS } from "../tsunami/sealed/limits.ts";
import { TransferError } from "../tsunami/transfer-error.ts";
import { isAlert, unlessOtherRevision } from "./tsunami-other-revision.ts";

const OFFER_IDENTITY = "tsunami-offer";
/** Of the exporter of the connection that was made for the exchange: what its successors are called by. */
const MARK_BYTES = { start: 72, end: 76 };
/** Ours. For the other side's half of the exchange: TCP says a word that is lost four times again after 10 s. */
const ANSWER_MS = 30_000;
/** Ours. Between calls to a server that is busy. */
const BUSY_MS = 300;
/** Ours. For a server that is about to be started: a port that refuses calls for so long is nobody's. */
const REFUSED_MS = 5_000;
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

/** What both sides chose, and the connection over which it can be moved. */
export interface ChosenFiles {
  readonly met: Control;
  /** None when the receiver only looked, or wants what is not there. */
  readonly files: readonly OfferedFile[];
  /** The sender paces, so that it must know what the receiver wants at most. */
  readonly rateCapBitsPerSecond?: number;
}

/** The server offers other files. */
class MissingFileError extends Error {
  override readonly name = "MissingFileError";
  readonly code = "file-missing";
}

/** @throws TransferError `protocol` when so many files do not fit the exchange. */
export function checkOffer(files: readonly OfferedFile[]): void {
  const bytes = Buffer.byteLength(JSON.stringify(files));
  if (bytes > CONTROL_BYTES_MAX - OFFER_MARGIN_BYTES) {
    throw new TransferError("protocol", `the names of ${files.length} files are too long a list`);
  }
}

/** Identity of a connection that replaces this one: of no other session with the same key. */
export function filesIdentity({ exported }: Control): string {
  return `tsunami-files-${exported.toString("hex", MARK_BYTES.start, MARK_BYTES.end)}`;
}

/** Waits for one receiver, hears what it wants, tells it the files as they are by then. */
export async function offerFiles(
  listFiles: () => Promise<readonly OfferedFile[]>,
  options: OfferOptions & { readonly localAddress?: string | undefined },
): Promise<ChosenFiles> {
  const { localAddress, port, psk, signal } = options;
  const address = localAddress !== undefined && { localAddress };
  const listening = { listens: true, ...address, port, psk, pskIdentity: OFFER_IDENTITY };
  return await meet(listening, { connectMs: PATIENCE_MS, signal }, async (met) => {
    const { names = [], rateCapBitsPerSecond: cap } = await nextMessage(met, "want", signal);
    if (!isListOf(names, (name) => typeof name === "string")) {
      throw new TransferError("protocol", "the receiver wants what is no list of names");
    }
    if (cap !== undefined && !(typeof cap === "number" && cap >= 1)) {
      throw new TransferError("protocol", "the receiver wants a rate that is none");
    }
    const files = await listFiles();
    met.send({ type: "offer", files });
    const rate = cap !== undefined && { rateCapBitsPerSecond: cap };
    try {
      return { met, files: chooseFiles(names as readonly string[], files), ...rate };
    } catch {
      // It sees from the offer that it cannot have that, and says so itself.
      return { met, files: [], ...rate };
    }
  });
}

interface AskOptions extends OfferOptions {
  readonly peerAddress: string;
  readonly connectTimeoutMs: number;
  /** Called once when the server has somebody else, and is waited for. */
  readonly onBusy: () => void;
}

/** Asks a server what it has. */
export async function askForList(options: AskOptions): Promise<readonly OfferedFile[]> {
  const { met, files } = await ask({ type: "want" }, options);
  await met.end();
  return files;
}

/**
 * Asks a server for files by name.
 *
 * @throws MissingFileError - It has no such file.
 */
export async function askForFiles(
  names: readonly string[],
  options: AskOptions & { readonly rateCapBitsPerSecond?: number | undefined },
): Promise<ChosenFiles> {
  const { rateCapBitsPerSecond } = options;
  const { met, files } = await ask({ type: "want", names, rateCapBitsPerSecond }, options);
  try {
    return { met, files: chooseFiles(names, files) };
  } catch (error) {
    await met.end();
    throw error;
  }
}

async function ask(want: ControlMessage, options: AskOptions): Promise<ChosenFiles> {
  const { peerAddress: host, port, signal } = options;
  return await unlessOtherRevision({ host, port, revision: "sealed", signal }, (until) =>
    askOften(want, { ...options, signal: until }),
  );
}

async function askOften(want: ControlMessage, options: AskOptions): Promise<ChosenFiles> {
  const { peerAddress, port, psk, signal, connectTimeoutMs, onBusy } = options;
  const calling = { listens: false, peerAddress, port, psk, pskIdentity: OFFER_IDENTITY };
  const exchange = async (met: Control) => {
    met.send(want);
    const { files } = await nextMessage(met, "offer", signal);
    if (!isListOf(files, isOfferedFile)) {
      throw new TransferError("protocol", "the server's offer is no list of files");
    }
    return { met, files: files as readonly OfferedFile[] };
  };
  const endMs = performance.now() + connectTimeoutMs;
  for (;;) {
    try {
      return await meet(calling, { connectMs: connectTimeoutMs, signal, onBusy }, exchange);
    } catch (error) {
      const broken = error instanceof TransferError && error.code === "peer-lost";
      if (!broken || performance.now() > endMs) throw error;
      // The connection broke before anything was moved: at high loss a server may drop one half-made.
      await pause(BUSY_MS);
    }
  }
}

/** By the name as given to `serve`, or by its base name when that means one file. */
function chooseFiles(
  wanted: readonly string[],
  offered: readonly OfferedFile[],
): readonly OfferedFile[] {
  if (wanted.length > VOLUMES_MAX) throw tooMany();
  const chosen = wanted.flatMap((name) => {
    if (name === ALL_FILES) return offered;
    const exact = offered.find((file) => file.name === name);
    const sameBase = offered.filter((file) => basename(file.name) === name);
    const [only] = exact === undefined ? sameBase : [exact];
    if (only === undefined || (exact === undefined && sameBase.length > 1)) {
      throw new MissingFileError(`the server has no one file ${JSON.stringify(name)}`);
    }
    return [only];
  });
  if (chosen.length > VOLUMES_MAX) throw tooMany();
  return chosen;
}

function tooMany(): TransferError {
  return new TransferError("protocol", `more than ${VOLUMES_MAX} files at a time`);
}

interface Patience {
  readonly connectMs: number;
  readonly signal: AbortSignal;
  readonly onBusy?: () => void;
}

/** Opens the control channel, and closes it when `work` fails. */
async function meet<T>(
  options: ControlOptions,
  patience: Patience,
  work: (met: Control) => Promise<T>,
): Promise<T> {
  const met = await connect(options, patience);
  try {
    return await work(met);
  } catch (error) {
    await met.end();
    throw error;
  }
}

/**
 * A server that is moving files to somebody listens under another identity. That may be the caller's
 * own earlier try, which was killed: it is missed within seconds.
 */
async function connect(
  options: ControlOptions,
  { connectMs, signal, onBusy }: Patience,
): Promise<Control> {
  const endMs = performance.now() + connectMs;
  let isToldBusy = false;
  for (;;) {
    try {
      return await openControl(options, { ...WAITS, connectMs }, signal, REFUSED_MS);
    } catch (error) {
      if (!(error instanceof TransferError)) throw error;
      if (error.message.includes("before secure TLS")) {
        const message = `${options.peerAddress} hung up at once: is it a server without --sealed?`;
        throw new TransferError("peer-unreachable", message, error);
      }
      if (error.code === "peer-refused" && !isBusy(error)) {
        const message = isAlert(codeOf(error))
          ? `${options.peerAddress} did not accept our key: do both have the same?`
          : `${options.peerAddress} is no server with --sealed: what it says is no TLS`;
        throw new TransferError("peer-refused", message, error);
      }
      if (!isBusy(error)) throw error;
      if (performance.now() > endMs) {
        const message = `${options.peerAddress} is serving somebody else`;
        throw new TransferError("peer-unreachable", message, error);
      }
      if (!isToldBusy) onBusy?.();
      isToldBusy = true;
      await pause(BUSY_MS);
      signal.throwIfAborted();
    }
  }
}

/** A key that is wrong has another alert than an identity that is not expected now. */
function isBusy(error: TransferError): boolean {
  return error.code === "peer-refused" && codeOf(error).endsWith("HANDSHAKE_FAILURE");
}

function codeOf({ cause }: TransferError): string {
  return cause instanceof Error && "code" in cause ? String(cause.code) : "";
}

/** The next message, which must be of that type; the one after it waits for whoever listens next. */
async function nextMessage(
  met: Control,
  type: string,
  signal: AbortSignal,
): Promise<ControlMessage> {
  const { promise, resolve, reject } = Promise.withResolvers<ControlMessage>();
  const timer = setTimeout(() => {
    reject(new TransferError("peer-lost", `the peer did not ${type} anything`));
  }, ANSWER_MS);
  const stop = (): void => reject(new TransferError("stopped", "stopped on request"));
  signal.addEventListener("abort", stop);
  met.listen(
    (message) => {
      met.listen();
      resolve(message);
    },
    (error) => {
      const known = error instanceof TransferError;
      const gone = `the peer is gone: ${error.message}`;
      reject(known ? error : new TransferError("peer-lost", gone, error));
    },
  );
  try {
    const message = await promise;
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
