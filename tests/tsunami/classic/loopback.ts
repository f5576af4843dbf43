/** A sender and receivers on the loopback, with files in a folder of their own and a lossy socket. */

import { createSocket, type Socket } from "node:dgram";
import { mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { TestContext } from "node:test";
import type { ReceiveSettings } from "../../../tsunami/classic/receive-file.ts";
import { ClassicReceiver } from "../../../tsunami/classic/receiver.ts";
import {
  type ClassicSender,
  type ServeEvent,
  type ServeOptions,
  serveClassic,
} from "../../../tsunami/classic/sender.ts";
import { DEFAULT_PARAMETERS } from "../../../tsunami/classic/wire.ts";

export const SECRET = Buffer.from("kitten");
export const ADDRESS = "127.0.0.1";

/** A folder for the files to serve and an empty one for what is received. */
export interface Folders {
  readonly served: string;
  readonly received: string;
}

export function makeFolders(test: TestContext): Folders {
  const root = mkdtempSync(join(tmpdir(), "amicopy-classic-"));
  test.after(() => rmSync(root, { recursive: true, force: true }));
  const folders = { served: join(root, "served"), received: join(root, "received") };
  for (const folder of Object.values(folders)) mkdirSync(folder);
  return folders;
}

/** Serves files with these contents, by these names. */
export async function serve(
  test: TestContext,
  folder: string,
  files: Readonly<Record<string, Buffer>>,
  change: Partial<ServeOptions> = {},
): Promise<ClassicSender & { readonly events: ServeEvent[] }> {
  const paths = Object.keys(files).map((name) => join(folder, name));
  for (const [name, bytes] of Object.entries(files)) writeFileSync(join(folder, name), bytes);
  const events: ServeEvent[] = [];
  const onEvent = (event: ServeEvent): number => events.push(event);
  const options = { address: ADDRESS, port: 0, secret: SECRET, paths, onEvent, ...change };
  const sender = await serveClassic(options);
  test.after(() => sender.close());
  return Object.assign(sender, { events });
}

export async function connect(
  test: TestContext,
  port: number,
  change: Partial<Parameters<typeof ClassicReceiver.connect>[0]> = {},
): Promise<ClassicReceiver> {
  const signal = new AbortController().signal;
  const options = {
    host: ADDRESS,
    port,
    secret: SECRET,
    signal,
    replyTimeoutMs: 20_000,
    ...change,
  };
  const receiver = await ClassicReceiver.connect(options);
  test.after(() => receiver.close());
  return receiver;
}

/** Small blocks, so that small files have many; fast, so that tests are. */
export const SETTINGS: ReceiveSettings = {
  parameters: { ...DEFAULT_PARAMETERS, blockSizeBytes: 256, rateBitsPerSecond: 200_000_000 },
  policy: { kind: "lossless" },
  silenceTimeoutMs: 15_000,
};

/** A receiver's socket that loses what `isLost` says, counted from 0. */
export function lossySocket(
  isLost: (index: number, datagram: Buffer) => boolean,
): typeof createSocket {
  let index = 0;
  return ((type: "udp4" | "udp6"): Socket => {
    const socket = createSocket(type);
    const emit = socket.emit.bind(socket);
    socket.emit = ((event: string, ...values: unknown[]): boolean => {
      const [datagram] = values;
      if (event === "message" && Buffer.isBuffer(datagram) && isLost(index++, datagram))
        return true;
      return emit(event, ...values);
    }) as typeof socket.emit;
    return socket;
  }) as typeof createSocket;
}

/** Accepts one connection and says `bytes`, whatever it hears; then closes if told to. */
export async function scriptedSender(
  test: TestContext,
  bytes: Uint8Array,
  options: { readonly close: boolean },
): Promise<{ readonly port: number; readonly heard: () => Buffer }> {
  const heard: Buffer[] = [];
  const server = createServer((socket) => {
    socket.on("error", () => {});
    socket.on("data", (chunk: Buffer) => heard.push(chunk));
    socket.write(bytes);
    if (options.close) socket.end();
    test.after(() => socket.destroy());
  });
  test.after(() => server.close());
  const { promise, resolve } = Promise.withResolvers<void>();
  server.listen(0, ADDRESS, resolve);
  await promise;
  const address = server.address();
  if (address === null || typeof address === "string") throw new Error("no port");
  return { port: address.port, heard: () => Buffer.concat(heard) };
}

export function filesIn(folder: string): string[] {
  return readdirSync(folder).sort();
}

/** Waits until something is so. @throws after twenty seconds. */
export async function eventually(what: string, isSo: () => boolean): Promise<void> {
  const deadline = performance.now() + 20_000;
  while (!isSo()) {
    if (performance.now() > deadline) throw new Error(`still not: ${what}`);
    const { promise, resolve } = Promise.withResolvers<void>();
    setTimeout(resolve, 5);
    await promise;
  }
}
