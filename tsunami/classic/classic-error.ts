/**
 * The one error of the classic engine. `code` is for programs, the message for people: what failed,
 * with whom, and what to do next. It never holds the secret.
 */

export type ClassicErrorCode =
  /** No connection, or no datagram ever came. */
  | "peer-unreachable"
  /** The peer was there and went silent or away. */
  | "peer-lost"
  /** Wrong secret, or another revision. */
  | "peer-refused"
  /** The sender has no such file. */
  | "file-missing"
  /** The peer said something that the protocol does not allow. */
  | "protocol"
  /** This machine's disk failed, is full, or does not have the file. */
  | "disk-io"
  /** We were told to stop. */
  | "stopped";

export class ClassicError extends Error {
  override readonly name = "ClassicError";
  readonly code: ClassicErrorCode;

  constructor(code: ClassicErrorCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
  }
}
