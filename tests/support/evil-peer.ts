/**
 * A peer that holds the right key and does with it what it likes: the calling end of a real session
 * on 127.0.0.1, with every byte in a test's hands.
 */

import { createSocket, type Socket } from "node:dgram";
import { setTimeout as pause } from "node:timers/promises";
import { connect, type TLSSocket } from "node:tls";
import { type Fragment, writeFragmentHeader } from "../../tsunami/sealed/datagram.ts";
import {
  EXPORTER_BYTES,
  EXPORTER_LABEL,
  type SessionKeys,
  sessionKeys,
} from "../../tsunami/sealed/keys.ts";
import { SEALED_BYTES_MAX } from "../../tsunami/sealed/limits.ts";
import { type Coverage, sealRecord } from "../../tsunami/sealed/record.ts";
import { ANSWER_NOTE } from "../../tsunami/sealed/report.ts";
import type { SessionPair } from "./loopback-sessions.ts";

const ADDRESS = "127.0.0.1";
const RETRY_MS = 20;
const LIMIT_MS = 15_000;
const FRAGMENT_BYTES = 1200;

export class EvilPeer {
  /** Control messages of the honest side, as far as they came. */
  readonly heard: Record<string, unknown>[] = [];
  /** A datagram of the honest side has come. */
  found = false;
  readonly tls: TLSSocket;
  readonly keys: SessionKeys;
  readonly udp: Socket;
  readonly #port: number;
  readonly #sends: boolean;
  #transmission = 0;
  #waiting = Buffer.alloc(0);

  constructor(tls: TLSSocket, udp: Socket, options: { port: number; role: string }) {
    this.tls = tls;
    this.udp = udp;
    this.#port = options.port;
    this.#sends = options.role === "sender";
    const exported = tls.exportKeyingMaterial(EXPORTER_BYTES, EXPORTER_LABEL, Buffer.alloc(0));
    this.keys = sessionKeys(exported);
    tls.on("error", () => {}).on("data", (part: Buffer) => this.#hear(part));
    udp
      .on("error", () => {})
      .on("message", () => {
        this.found = true;
      });
  }

  #hear(part: Buffer): void {
    this.#waiting = Buffer.concat([this.#waiting, part]);
    while (this.#waiting.length >= 4) {
      const end = 4 + this.#waiting.readUInt32BE();
      if (this.#waiting.length < end) return;
      this.heard.push(JSON.parse(this.#waiting.toString("utf8", 4, end)));
      this.#waiting = this.#waiting.subarray(end);
    }
  }

  /** Says one control message; whether it makes sense is the test's business. */
  say(message: unknown): void {
    this.tls.write(frameOf(message));
  }

  /** Greets as it should. */
  hello(pair: SessionPair, change: object = {}): void {
    const sizes = pair.sources.map(({ sizeBytes }) => sizeBytes);
    const role = this.#sends ? "sender" : "receiver";
    this.say({ type: "hello", version: 1, role, sizes, life: "evil", ...change });
  }

  /** Greets, and says where it is until the honest side has sent something: from then on it listens. */
  async greet(pair: SessionPair): Promise<void> {
    this.hello(pair);
    const deadline = performance.now() + LIMIT_MS;
    while (!this.found && performance.now() < deadline) {
      this.note(Buffer.from([ANSWER_NOTE, 0, 0]));
      await pause(RETRY_MS);
    }
  }

  /** Waits for a control message of the honest side. */
  async hears(type: string): Promise<void> {
    const deadline = performance.now() + LIMIT_MS;
    while (!this.heard.some((message) => message.type === type) && performance.now() < deadline) {
      await pause(RETRY_MS);
    }
  }

  datagram(bytes: Buffer): void {
    this.udp.send(bytes, this.#port, ADDRESS, () => {});
  }

  /** A note with the right seal. */
  note(body: Buffer): void {
    this.datagram((this.#sends ? this.keys.forward : this.keys.backward).seal(body));
  }

  /** A fragment with the right mark. */
  fragment(fragment: Omit<Fragment, "transmission">, payload: Buffer): void {
    const datagram = Buffer.alloc(22 + payload.length);
    const transmission = this.#transmission++;
    writeFragmentHeader(this.keys.mark, { ...fragment, transmission }, datagram, 0);
    payload.copy(datagram, 22);
    this.datagram(datagram);
  }

  /** A record, well sealed whatever it says, in fragments. */
  record(record: number, coverage: Coverage, data: Buffer): void {
    const sealed = Buffer.alloc(SEALED_BYTES_MAX * 2);
    const length = sealRecord(this.keys.records, record, coverage, data, 0, sealed);
    this.sealed(record, sealed.subarray(0, length));
  }

  /** Bytes that claim to be a sealed record. */
  sealed(record: number, bytes: Buffer): void {
    const { length: sealedBytes } = bytes;
    for (let index = 0; index * FRAGMENT_BYTES < sealedBytes; index += 1) {
      const from = index * FRAGMENT_BYTES;
      const payload = bytes.subarray(from, from + FRAGMENT_BYTES);
      this.fragment({ record, index, sealedBytes, fragmentBytes: FRAGMENT_BYTES }, payload);
    }
  }

  close(): void {
    this.tls.destroy();
    this.udp.close();
  }
}

/** A control message as it travels inside TLS. */
export function frameOf(message: unknown): Buffer {
  const frame = Buffer.from(`1234${JSON.stringify(message)}`);
  frame.writeUInt32BE(frame.length - 4);
  return frame;
}

/** Calls the session that listens at the pair's port, as soon as it does. */
export async function callAsEvil(
  pair: SessionPair,
  role: "sender" | "receiver",
): Promise<EvilPeer> {
  const udp = createSocket("udp4");
  const tls = await callTls(pair);
  return new EvilPeer(tls, udp, { port: pair.port, role });
}

/** Only the control connection, up to TLS. */
export async function callTls(pair: SessionPair): Promise<TLSSocket> {
  const deadline = performance.now() + LIMIT_MS;
  for (;;) {
    const socket = connect({
      ...{ host: ADDRESS, port: pair.port, ciphers: "TLS_AES_128_GCM_SHA256" },
      ...{ minVersion: "TLSv1.3", maxVersion: "TLSv1.3" },
      pskCallback: () => ({ psk: pair.psk, identity: "amicopy-test-1" }),
      checkServerIdentity: () => undefined,
    });
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    socket.once("secureConnect", resolve).once("error", reject);
    try {
      await promise;
      return socket;
    } catch (error) {
      socket.destroy();
      if (performance.now() > deadline) throw error;
      await pause(RETRY_MS);
    }
  }
}
