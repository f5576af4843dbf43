/** The UDP path of a session: sealed notes out, and whatever arrives, walked piece by piece. */

import type { DatagramSocket } from "../sockets/datagram-socket.ts";
import type { NoteCodec } from "./datagram.ts";

export class DataPath {
  /** Datagrams, or rests of them, that were nothing of ours. */
  junk = 0;
  /** Where the peer is; a listener learns it from what is sealed. */
  peer: { readonly port: number; readonly address: string } | undefined;
  readonly #socket: DatagramSocket;
  readonly #out: NoteCodec;
  readonly #in: NoteCodec;

  constructor(socket: DatagramSocket, out: NoteCodec, into: NoteCodec) {
    this.#socket = socket;
    this.#out = out;
    this.#in = into;
  }

  send(batch: Buffer, segmentBytes = batch.length): void {
    if (this.peer) this.#socket.send(batch, segmentBytes, this.peer.port, this.peer.address);
  }

  sendNote(body: Buffer): void {
    this.send(this.#out.seal(body));
  }

  /**
   * @param onOther - Takes what is no note; says how long it was, 0 for junk.
   * @returns `true` when something was certainly the peer's, and new: a note that could be opened.
   *   Anything else may be a copy that somebody has kept.
   */
  receive(
    batch: Buffer,
    onNote: (body: Buffer, noteBytes: number) => void,
    onOther: (at: number) => number,
  ): boolean {
    let ours = false;
    for (let at = 0, length = 0; at < batch.length; at += length) {
      length = this.#in.lengthAt(batch, at);
      if (length) {
        const body = this.#in.open(batch.subarray(at, at + length));
        if (body) onNote(body, length);
        ours ||= body !== undefined;
      } else {
        length = onOther(at);
        if (length) continue;
        this.junk += 1;
        break;
      }
    }
    return ours;
  }
}
