/** The recorded sessions of the original programs, typed, and the files they carried. */

import { readFileSync } from "node:fs";

export interface RecordedSession {
  readonly id: string;
  readonly description: string;
  readonly secret: string;
  readonly settings: { readonly blockSizeBytes: number; readonly rateBitsPerSecond: number };
  readonly files: readonly {
    readonly name: string;
    readonly size: number;
    readonly sha256: string;
  }[];
  readonly control: readonly {
    readonly direction: "toSender" | "toReceiver";
    readonly hex: string;
    readonly meaning: string;
  }[];
  readonly datagrams: readonly {
    readonly blockNumber: number;
    readonly type: "O" | "R" | "X";
    readonly length: number;
    /** The whole datagram, or its beginning. */
    readonly hex: string;
  }[];
  /** Seconds, block number, type of every datagram that arrived. */
  readonly arrivals?: readonly (readonly [number, number, "O" | "R" | "X"])[];
}

interface Recordings {
  readonly units: {
    readonly authentication: readonly {
      readonly challenge: string;
      readonly secret: string;
      readonly response: string;
    }[];
    readonly ipdTime: readonly {
      readonly blockSize: number;
      readonly targetRate: number;
      readonly ipdTimeUs: number;
      readonly initialIpdUs: number;
    }[];
    readonly ipdAdaptation: {
      readonly initialUs: number;
      readonly steps: readonly { readonly report: number; readonly ipdUs: number }[];
    };
    readonly errorRateSmoothing: {
      readonly history: number;
      readonly steps: readonly {
        readonly requestsSent: number;
        readonly datagramsInInterval: number;
        readonly ringFull: boolean;
        readonly sent: number;
      }[];
    };
    readonly requests: readonly {
      readonly type: number;
      readonly block?: number;
      readonly errorRate?: number;
      readonly hex: string;
    }[];
  };
  readonly sessions: readonly RecordedSession[];
}

export const recordings = JSON.parse(
  readFileSync(new URL("vectors/recorded-sessions.json", import.meta.url), "utf8"),
) as Recordings;

/** @throws when there is no such session. */
export function recordedSession(id: string): RecordedSession {
  const session = recordings.sessions.find((candidate) => candidate.id === id);
  if (session === undefined) throw new Error(`no recorded session ${id}`);
  return session;
}

/** The bytes of a file of the recordings, made as its description says. */
export function recordedFile(name: string): Buffer {
  switch (name) {
    case "small.bin":
      return bytesOf(2500, (index) => index * 7 + 3);
    case "hundredk.bin":
      return bytesOf(102_400, (index) => index * index + Math.floor(index / 257));
    case "one.bin":
      return Buffer.from("Hello, tsunami!\n");
    case "empty.bin":
      return Buffer.alloc(0);
    default:
      throw new Error(`no recorded file ${name}`);
  }
}

/** All bytes of one direction of the control channel, in one piece. */
export function controlBytes(
  session: RecordedSession,
  direction: "toSender" | "toReceiver",
): Buffer {
  const parts = session.control.filter((part) => part.direction === direction);
  return Buffer.concat(parts.map(({ hex }) => Buffer.from(hex, "hex")));
}

function bytesOf(length: number, valueAt: (index: number) => number): Buffer {
  return Buffer.from(Array.from({ length }, (_, index) => valueAt(index) & 255));
}
