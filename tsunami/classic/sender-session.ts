/**
 * One connected receiver, from the revision to its close: the sender's half of the control channel.
 *
 * 1. revision, challenge, proof
 * 2. a name: a listing, the list of all files, or one file
 * 3. for a file: parameters, file information, UDP port, then `send-file.ts`
 * 4. the next name, until the receiver closes
 */

import { randomBytes, timingSafeEqual } from "node:crypto";
import { createSocket, type Socket } from "node:dgram";
import { once } from "node:events";
import { isIPv6 } from "node:net";
import { BlockSource } from "./block-source.ts";
import { ClassicError } from "./classic-error.ts";
import {
  HANDSHAKE_TIMEOUT_MS,
  IDLE_TIMEOUT_MS,
  NAME_MAX_BYTES,
  REFUSALS_MAX,
  SOCKET_BUFFER_BYTES,
} from "./constants.ts";
import type { ControlStream } from "./control-stream.ts";
import { type SentFile, sendFile } from "./send-file.ts";
import { SenderState } from "./sender-state.ts";
import type { OpenFile, SharedFiles } from "./shared-files.ts";
import {
  ALL_FILES,
  CHALLENGE_BYTES,
  checkRevision,
  countBlocks,
  decodeParameters,
  decodePort,
  encodeFileInformation,
  encodePaddedNumber,
  encodeRevision,
  GOT_LIST,
  GOT_SIZE,
  LISTING,
  PARAMETERS_BYTES,
  type Parameters,
  PORT_BYTES,
  PROOF_BYTES,
  proveSecret,
  REVISION_BYTES,
  Result,
} from "./wire.ts";

/** What happened, for whoever watches a sender. */
export type SenderEvent =
  | { readonly kind: "refused"; readonly reason: "secret" | "name"; readonly name?: string }
  | { readonly kind: "started"; readonly name: string; readonly sizeBytes: number }
  | ({ readonly kind: "finished"; readonly name: string; readonly sizeBytes: number } & SentFile);

export interface SenderSessionOptions {
  readonly stream: ControlStream;
  readonly peerAddress: string;
  readonly secret: Uint8Array;
  readonly files: SharedFiles;
  readonly heartbeatTimeoutMs: number;
  readonly handshakeTimeoutMs?: number;
  readonly idleTimeoutMs?: number;
  readonly signal: AbortSignal;
  readonly onEvent: (event: SenderEvent) => void;
}

/** Ends when the receiver closes while no transfer runs. @throws ClassicError for any other end. */
export async function runSenderSession(options: SenderSessionOptions): Promise<void> {
  if (!(await authenticate(options))) return;
  let mayOweGotList = false;
  let refusals = 0;
  while (refusals < REFUSALS_MAX) {
    await options.stream.drain({
      what: "a sign that it reads our answers",
      timeoutMs: options.handshakeTimeoutMs ?? HANDSHAKE_TIMEOUT_MS,
    });
    const name = await readName(options, mayOweGotList);
    if (name === undefined) return;
    mayOweGotList = false;
    if (name === LISTING) {
      if (!(await sendListing(options))) return;
    } else if (name === ALL_FILES) {
      mayOweGotList = await sendAllNames(options);
    } else {
      refusals = (await serveFile(options, name)) ? 0 : refusals + 1;
    }
  }
  throw new ClassicError(
    "protocol",
    `it asked for ${REFUSALS_MAX} files in a row that are not here`,
  );
}

async function authenticate(options: SenderSessionOptions): Promise<boolean> {
  const { stream, secret, onEvent } = options;
  const timeoutMs = options.handshakeTimeoutMs ?? HANDSHAKE_TIMEOUT_MS;
  stream.write(encodeRevision());
  checkRevision(await stream.read(REVISION_BYTES, { what: "its revision", timeoutMs }));
  const challenge = randomBytes(CHALLENGE_BYTES);
  stream.write(challenge);
  const proof = await stream.read(PROOF_BYTES, { what: "its proof of the secret", timeoutMs });
  if (!timingSafeEqual(proof, proveSecret(challenge, secret))) {
    stream.write(Uint8Array.of(Result.wrongSecret));
    onEvent({ kind: "refused", reason: "secret" });
    return false;
  }
  stream.write(Uint8Array.of(Result.accepted));
  return true;
}

/**
 * @param mayOweGotList - The answer to `*` was an empty list: some receivers say "got list" to it.
 * @returns `undefined` when the receiver has closed, which is the normal end.
 */
async function readName(
  { stream, idleTimeoutMs = IDLE_TIMEOUT_MS }: SenderSessionOptions,
  mayOweGotList: boolean,
): Promise<string | undefined> {
  const owed = mayOweGotList ? GOT_LIST.length : 0;
  try {
    const bytes = await stream.readName(NAME_MAX_BYTES + owed, {
      what: "a file name",
      timeoutMs: idleTimeoutMs,
    });
    const glued = mayOweGotList && bytes.indexOf(GOT_LIST) === 0;
    return bytes.toString("utf8", glued ? owed : 0);
  } catch (error) {
    if (stream.ended && stream.bufferedBytes <= owed) return undefined;
    throw error;
  }
}

/** @returns False when the receiver has closed instead of acknowledging, as it may. */
async function sendListing(options: SenderSessionOptions): Promise<boolean> {
  const { stream, files, idleTimeoutMs = IDLE_TIMEOUT_MS } = options;
  const parts = [String(files.files.length)];
  for (const { name, sizeBytes } of files.files) parts.push(name, String(sizeBytes));
  stream.write(Buffer.from(`${parts.join("\0")}\0`, "utf8"));
  try {
    // One byte of no meaning, which some receivers send only together with the next name.
    await stream.read(1, { what: "its acknowledgement of the listing", timeoutMs: idleTimeoutMs });
    return true;
  } catch (error) {
    if (stream.ended) return false;
    throw error;
  }
}

/** @returns True when there are no files, and so no names for the receiver to acknowledge. */
async function sendAllNames(options: SenderSessionOptions): Promise<boolean> {
  const { stream, files } = options;
  const names = Buffer.from(files.files.map(({ name }) => `${name}\0`).join(""), "utf8");
  const timeoutMs = options.idleTimeoutMs ?? IDLE_TIMEOUT_MS;
  stream.write(
    Buffer.concat([encodePaddedNumber(names.length), encodePaddedNumber(files.files.length)]),
  );
  await stream.read(GOT_SIZE.length, { what: '"got size"', timeoutMs });
  if (names.length === 0) {
    // The original would wait for "got list" here while its own receiver waits for a byte.
    stream.write(Uint8Array.of(Result.unavailable));
    return true;
  }
  stream.write(names);
  await stream.read(GOT_LIST.length, { what: '"got list"', timeoutMs });
  return false;
}

/** @returns False when there is no such file. */
async function serveFile(options: SenderSessionOptions, name: string): Promise<boolean> {
  const { stream, files, onEvent } = options;
  const file = await files.find(name);
  if (file === undefined) {
    stream.write(Uint8Array.of(Result.unavailable));
    onEvent({ kind: "refused", reason: "name", name });
    return false;
  }
  try {
    stream.write(Uint8Array.of(Result.accepted));
    await transfer(options, name, file);
    return true;
  } finally {
    await file.handle.close();
  }
}

async function transfer(
  options: SenderSessionOptions,
  name: string,
  { handle, sizeBytes }: OpenFile,
): Promise<void> {
  const { stream, onEvent, signal } = options;
  const timeoutMs = options.handshakeTimeoutMs ?? HANDSHAKE_TIMEOUT_MS;
  const parameters = decodeParameters(
    await stream.read(PARAMETERS_BYTES, { what: "the parameters", timeoutMs }),
  );
  const { blockSizeBytes } = parameters;
  const blockCount = countBlocks(sizeBytes, blockSizeBytes);
  const epochSeconds = Math.floor(Date.now() / 1000);
  stream.write(encodeFileInformation({ sizeBytes, blockSizeBytes, blockCount, epochSeconds }));
  const port = decodePort(await stream.read(PORT_BYTES, { what: "its UDP port", timeoutMs }));
  const source = new BlockSource({ handle, path: name, sizeBytes, blockSizeBytes });
  const socket = await openSocket(options.peerAddress, port);
  try {
    onEvent({ kind: "started", name, sizeBytes });
    const state = newState(options, parameters, blockCount);
    const sent = await sendFile({ stream, socket, state, source, blockSizeBytes, signal });
    onEvent({ kind: "finished", name, sizeBytes, ...sent });
  } finally {
    socket.close();
  }
}

function newState(
  { heartbeatTimeoutMs }: SenderSessionOptions,
  parameters: Parameters,
  blockCount: number,
): SenderState {
  const nowUs = performance.now() * 1000;
  return new SenderState({ parameters, blockCount, heartbeatTimeoutMs, nowUs });
}

async function openSocket(address: string, port: number): Promise<Socket> {
  const socket = createSocket(isIPv6(address) ? "udp6" : "udp4");
  // Only what the peer's kernel says about earlier datagrams, e.g. that nobody listens any more.
  socket.on("error", () => {});
  socket.connect(port, address);
  try {
    await once(socket, "connect");
  } catch (cause) {
    socket.close();
    throw new ClassicError("peer-lost", `UDP to ${address}:${port} cannot be opened`, { cause });
  }
  try {
    socket.setSendBufferSize(SOCKET_BUFFER_BYTES);
  } catch {
    // The kernel's own size will do.
  }
  return socket;
}
