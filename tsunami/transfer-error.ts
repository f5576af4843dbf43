/**
 * Why a transfer ended. Expected trouble of networks (a lost, stray or torn datagram) is counted,
 * never thrown; what is thrown ends the session and is told to a person in one sentence.
 */

export type TransferErrorCode =
  | "peer-unreachable"
  | "peer-refused"
  | "peer-lost"
  | "digest-mismatch"
  | "disk-io"
  | "disk-size"
  | "protocol"
  | "stopped";

/** A transfer that ended without its proof. `code` is what programs test, `message` is for people. */
export class TransferError extends Error {
  readonly code: TransferErrorCode;

  constructor(code: TransferErrorCode, message: string, cause?: unknown) {
    super(message, { cause });
    this.name = "TransferError";
    this.code = code;
  }
}
