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
import type { Control, ControlMessage } from "../tsunami/sealed/control.ts";
import { CONTROL_BYTES_MAX, VOLUMES_MAX } from "../tsunami/sealed/limits.ts";
import { TransferError } from "../tsunami/transfer-error.ts";
import { BUSY_MS, meet, nextMessage } from "./sealed-meeting.ts";
import { unlessOtherRevision } from "./tsunami-other-revision.ts";

const OFFER_IDENTITY = "tsunami-offer";
/** Of the exporter of the connection that was made for the exchange: what its successors are called by. */
const MARK_BYTES = { start: 72, end: 76 };
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

function isListOf(value: unknown, isItem: (item: unknown) => boolean): boolean {
  return Array.isArray(value) && value.every(isItem);
}

function isOfferedFile(value: unknown): boolean {
  if (typeof value !== "object" || value === null) return false;
  const { name, sizeBytes } = value as Readonly<Record<string, unknown>>;
  return typeof name === "string" && Number.isSafeInteger(sizeBytes) && Number(sizeBytes) >= 0;
}
