/**
 * How the two sides of an exchange of names meet: a caller has patience with a server that is busy or
 * about to be started, and each waits for the other's word no longer than is reasonable.
 */

import { setTimeout as pause } from "node:timers/promises";
import {
  type Control,
  type ControlMessage,
  type ControlOptions,
  openControl,
} from "../tsunami/sealed/control.ts";
import { WAITS } from "../tsunami/sealed/limits.ts";
import { TransferError } from "../tsunami/transfer-error.ts";
import { isAlert } from "./tsunami-other-revision.ts";

/** Ours. For the other side's half of the exchange: TCP says a word that is lost four times again after 10 s. */
const ANSWER_MS = 30_000;
/** Ours. Between calls to a server that is busy. */
export const BUSY_MS = 300;
/** Ours. For a server that is about to be started: a port that refuses calls for so long is nobody's. */
const REFUSED_MS = 5_000;

export interface Patience {
  readonly connectMs: number;
  readonly signal: AbortSignal;
  readonly onBusy?: () => void;
}

/** Opens the control channel, and closes it when `work` fails. */
export async function meet<T>(
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
export async function nextMessage(
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
