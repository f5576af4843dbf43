/** Real sessions on 127.0.0.1, in a folder of their own, with disks made for the purpose. */

import { hash, randomBytes, randomInt } from "node:crypto";
import { createSocket } from "node:dgram";
import { once } from "node:events";
import {
  closeSync,
  ftruncateSync,
  mkdtempSync,
  openSync,
  readFileSync,
  rmSync,
  writeSync,
} from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { receiver } from "../../tsunami/sealed/receiver.ts";
import { sender } from "../../tsunami/sealed/sender.ts";
import {
  runSession,
  type SessionOptions,
  type SessionReport,
} from "../../tsunami/sealed/session.ts";

const LEAF_BYTES = 1 << 20;
const workerEntry = new URL("./disk-entry.ts", import.meta.url);

export interface SessionPair {
  readonly folder: string;
  readonly port: number;
  readonly psk: Buffer;
  readonly sources: { path: string; sizeBytes: number }[];
  readonly targets: { path: string; sizeBytes: number }[];
  /** Adds a volume made of pieces: bytes, or a number of zeros (a hole). */
  addVolume(pieces: readonly (Buffer | number)[]): void;
  options(role: "sender" | "receiver", senderListens: boolean): SessionOptions;
  run(
    senderListens: boolean,
    change?: (role: "sender" | "receiver", options: SessionOptions) => SessionOptions,
  ): Promise<PromiseSettledResult<SessionReport>[]>;
  remove(): void;
}

/** @param openSocket - What the datagrams travel over; the machine's best socket by default. */
export async function makeSessionPair(
  openSocket?: NonNullable<SessionOptions["openSocket"]>,
): Promise<SessionPair> {
  const folder = mkdtempSync(join(tmpdir(), "sealed-"));
  const psk = randomBytes(32);
  const port = await freePort();
  const pair: SessionPair = {
    ...{ folder, port, psk, sources: [], targets: [] },
    addVolume(pieces) {
      const name = join(folder, `source-${pair.sources.length}`);
      const file = openSync(name, "w");
      let sizeBytes = 0;
      for (const piece of pieces) {
        if (typeof piece !== "number") writeSync(file, piece, 0, piece.length, sizeBytes);
        sizeBytes += typeof piece === "number" ? piece : piece.length;
      }
      ftruncateSync(file, sizeBytes);
      closeSync(file);
      pair.sources.push({ path: name, sizeBytes });
      pair.targets.push({ path: join(folder, `target-${pair.targets.length}`), sizeBytes });
    },
    options: (role, senderListens) => ({
      ...{
        role: { sender, receiver }[role],
        psk,
        port,
        workerEntry,
        pskIdentity: "amicopy-test-1",
      },
      ...{ localAddress: "127.0.0.1", peerAddress: "127.0.0.1" },
      ...(openSocket && { openSocket }),
      listens: (role === "sender") === senderListens,
      volumes: role === "sender" ? pair.sources : pair.targets,
      signal: new AbortController().signal,
      onProgress: () => {},
      waits: { connectMs: 10_000, silenceMs: 10_000 },
    }),
    run: (senderListens, change = (_, options) => options) =>
      Promise.allSettled(
        (["sender", "receiver"] as const).map((role) =>
          runSession(change(role, pair.options(role, senderListens))),
        ),
      ),
    remove: () => rmSync(folder, { recursive: true, force: true }),
  };
  return pair;
}

/** The digest of a volume as its definition says, in the simplest way. */
export function digestOf(path: string): string {
  const bytes = readFileSync(path);
  const leaves: Buffer[] = [];
  for (let at = 0; at < bytes.length; at += LEAF_BYTES) {
    leaves.push(hash("sha256", bytes.subarray(at, at + LEAF_BYTES), "buffer"));
  }
  return hash("sha256", Buffer.concat(leaves));
}

/** Below what systems give to sockets that ask for none (Linux from 32768): no connection of anybody takes one. */
const PORTS = { first: 20_000, count: 12_000 };

/** A port at which nobody listens, neither by TCP nor by UDP, and that another test will hardly draw at this moment. */
export async function freePort(): Promise<number> {
  for (;;) {
    const port = PORTS.first + randomInt(PORTS.count);
    if (await isFree(port)) return port;
  }
}

async function isFree(port: number): Promise<boolean> {
  const tcp = createServer();
  const udp = createSocket("udp4");
  try {
    await once(tcp.listen(port, "127.0.0.1"), "listening");
    await once(udp.bind(port, "127.0.0.1"), "listening");
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "EADDRINUSE") throw error;
    return false;
  } finally {
    // One that could not listen has nothing to close, and says so.
    await new Promise((resolve) => tcp.close(resolve));
    await new Promise<void>((resolve) => udp.close(resolve));
  }
}
