/** What both ends of a session have in common, and what a session promises to its caller. */

import type { openSocket } from "../sockets/open-socket.ts";
import { TransferError } from "../transfer-error.ts";
import type { Control, ControlMessage } from "./control.ts";
import type { DataPath } from "./data-path.ts";
import type { DiskReport, DiskTasks, DiskThread } from "./disk-worker.ts";
import type { SessionKeys } from "./keys.ts";
import type { Waits } from "./limits.ts";
import type { Volume } from "./open-volume.ts";

export interface Progress {
  /** Of all volumes, holes included. */
  readonly bytesTotal: number;
  /** Confirmed at the destination, holes included. */
  readonly bytesDone: number;
  /** Present rate of `bytesDone`. */
  readonly rateBitsPerSecond: number;
  /** Share of datagrams lost lately, 0 to 1. */
  readonly lossRatio: number;
}

export interface SessionOptions {
  /** `sender` of `sender.ts` or `receiver` of `receiver.ts`. */
  readonly role: SessionRole;
  /** Exactly one side listens; the other one calls, and speaks first on both paths. */
  readonly listens: boolean;
  readonly localAddress?: string;
  /** Required unless `listens`; a listener that has it drops callers from elsewhere. */
  readonly peerAddress?: string;
  /** The listener's TCP and UDP port. */
  readonly port: number;
  /** 32 bytes, for this one transfer. */
  readonly psk: Uint8Array;
  readonly pskIdentity: string;
  /** The same order and sizes on both sides. */
  readonly volumes: readonly { readonly path: string; readonly sizeBytes: number }[];
  readonly rateCapBitsPerSecond?: number;
  /** A file that calls `runDiskWorker(role.diskTasks)` when it is not on the main thread. */
  readonly workerEntry: URL;
  /** Ends the session with code `stopped`; when the promise settles nothing of it is left. */
  readonly signal: AbortSignal;
  readonly onProgress: (progress: Progress) => void;
  /** A volume is proved: both sides have the same digest of it. */
  readonly onVolume?: (index: number, digest: string) => void;
  /** The peer, met before with nobody listening to it now; only a broken connection is made anew. */
  readonly met?: Control;
  /** Another network than the machine's best socket. */
  readonly openSocket?: typeof openSocket;
  /** How long to wait for what; the defaults suit helpers that boot. */
  readonly waits?: Partial<Waits>;
}

export interface SessionReport {
  /** 64 hex digits a volume. */
  readonly digests: string[];
  /** Disk bytes, holes included. */
  readonly bytesRead: number;
  /** UDP payload bytes of the sender, retransmissions included; 0 at a receiver that never heard its last word. */
  readonly bytesSent: number;
  readonly bytesResent: number;
  /** Disk bytes that an earlier try had brought: compared, and not sent again. */
  readonly bytesKept: number;
  readonly durationMs: number;
}

/** What a role gets to work with. */
export interface SessionContext {
  readonly options: SessionOptions;
  readonly keys: SessionKeys;
  readonly ring: Buffer;
  /** This side's address on the way to the peer. */
  readonly localAddress: string;
  /** Sends a control message; it may be lost with its connection, see {@link SessionEnd.repeat}. */
  readonly tell: (message: ControlMessage) => void;
  readonly path: DataPath;
  readonly disk: DiskThread;
  /** Which target volumes are blank. */
  readonly blank: readonly boolean[];
  /** The volumes of which the receiver says what it holds already, as its hello has it. */
  readonly held: readonly number[];
  readonly fail: (error: unknown) => void;
  readonly finish: (report: Omit<SessionReport, "bytesRead" | "durationMs">) => void;
}

/**
 * What one side of a session does. It comes in from outside, so that a program that only sends does
 * not carry what only receives: user data has room for one of them.
 */
export interface SessionRole {
  readonly name: "sender" | "receiver";
  readonly End: new (context: SessionContext) => SessionEnd;
  /** The task of the thread that goes with the session from its start. */
  readonly diskTask: "read" | "write";
  readonly diskTasks: DiskTasks;
  /**
   * A receiver's: the volumes that may hold something, by what is known without reading them.
   *
   * @param blank - What is known of them once they are open.
   */
  readonly held?: (volumes: readonly Volume[], blank?: readonly boolean[]) => number[];
}

/** One end of a running session. */
export interface SessionEnd {
  readonly lossRatio: number;
  readonly bytesDone: number;
  /** @returns `true` when something in the batch was certainly the peer's, and new. */
  onDatagrams(batch: Buffer): boolean;
  onControl(message: ControlMessage): void;
  onDisk(report: DiskReport): void;
  /** The peer is gone. Who has all it needs finishes now; otherwise the session fails. */
  onLost?(): void;
  /** The control connection is a new one: says again what the peer may have missed. */
  repeat(): void;
  /** Stops the timers and threads of this end. */
  close(): unknown;
}

/** The digests of both sides, and what is proved by their equality. */
export class Proof {
  readonly digests: string[] = [];
  #proved = 0;
  readonly #options: SessionOptions;

  constructor(options: SessionOptions) {
    this.#options = options;
  }

  get complete(): boolean {
    return this.#proved === this.#options.volumes.length;
  }

  /** @throws TransferError `digest-mismatch`. */
  settle(volume: number, own: string, peers: unknown): void {
    if (own !== peers) {
      const path = this.#options.volumes[volume]?.path;
      const what = `volume ${volume} (${path}) read back differs from its source`;
      throw new TransferError("digest-mismatch", what);
    }
    if (this.digests[volume] !== undefined) return;
    this.digests[volume] = own;
    this.#proved += 1;
    this.#options.onVolume?.(volume, own);
  }
}
