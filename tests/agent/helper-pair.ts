/**
 * Two helpers on localcloud's machines, booted from the real user data, and a small controller: it
 * reads consoles, introduces the two, renews leases, acknowledges. What the workflow does, without EC2.
 */

import { closeSync, ftruncateSync, openSync, writeSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import type { TestContext } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { gzipSync } from "node:zlib";
import {
  decodeConsoleLines,
  encodePeer,
  type HelperMessage,
  type HelperSide,
  type Job,
  Tag,
} from "../../agent/contract.ts";
import { bootMachine, type Machine } from "../../localcloud/machines/machine.ts";
import { bundleAgent, makeUserData } from "../../tools/build.ts";
import { freeAddress, metadataOf, temporaryDirectory } from "../localcloud/machines/booted.ts";

const WAIT_MS = 30_000;
const LOOK_MS = 50;

/** A piece of data on a disk; everything else is a hole. */
export interface Piece {
  readonly offset: number;
  readonly bytes: Buffer;
}

/** Makes a sparse disk file. */
export async function makeDisk(
  context: TestContext,
  sizeBytes: number,
  pieces: readonly Piece[] = [],
): Promise<string> {
  const path = join(await temporaryDirectory(context), "disk.raw");
  const disk = openSync(path, "wx");
  ftruncateSync(disk, sizeBytes);
  for (const { offset, bytes } of pieces) writeSync(disk, bytes, 0, bytes.length, offset);
  closeSync(disk);
  return path;
}

const templates: Partial<Record<HelperSide, Promise<string>>> = {};

/** The real user data without its job; bundled once. */
function userDataTemplate(side: HelperSide): Promise<string> {
  templates[side] ??= Promise.all([
    readFile(new URL("../../agent/boot.sh", import.meta.url), "utf8"),
    bundleAgent(side),
  ]).then(([script, { code }]) => makeUserData(script, code));
  return templates[side];
}

export interface HelperOptions {
  readonly side: HelperSide;
  /** Files, in the order of the job. */
  readonly disks: readonly { readonly path: string; readonly sizeBytes: number }[];
  /** Changes of the job. */
  readonly job?: Partial<Job>;
}

/** One booted helper. */
export class Helper {
  readonly address: string;
  readonly tags: Record<string, string> = {};
  /** The machine turned itself off. */
  isOff = false;
  machine: Machine | undefined;

  constructor(address: string) {
    this.address = address;
  }

  get text(): string {
    return this.machine?.consoleText() ?? "";
  }

  heard<T extends HelperMessage["type"]>(type: T): (HelperMessage & { type: T })[] {
    const bySequence = new Map(
      decodeConsoleLines(this.text).map((line) => [`${line.sequence}`, line.message]),
    );
    return [...bySequence.values()].filter(
      (message): message is HelperMessage & { type: T } => message.type === type,
    );
  }

  acknowledge(): void {
    const sequences = decodeConsoleLines(this.text).map((line) => line.sequence);
    this.tags[Tag.acknowledged] = String(Math.max(0, ...sequences));
  }
}

export async function bootHelper(context: TestContext, options: HelperOptions): Promise<Helper> {
  const helper = new Helper(freeAddress());
  const names = options.disks.map((_, index) => `/dev/sd${"fghij"[index]}`);
  const job: Job = {
    version: 1,
    run: "0123456789abcdef",
    attempt: 1,
    side: options.side,
    listens: options.side === "source",
    port: 46224,
    disks: options.disks.map(({ sizeBytes }, index) => ({
      deviceName: names[index] ?? "",
      sizeBytes,
    })),
    leaseMs: 60_000,
    timeoutMs: 120_000,
    ...options.job,
  };
  const text = (await userDataTemplate(options.side)).replace("@JOB@", () => JSON.stringify(job));
  const machine = await bootMachine({
    instanceId: `i-${options.side === "source" ? "0" : "1"}123456789abcdef0`,
    directory: await temporaryDirectory(context, () => helper.machine?.stop()),
    userData: gzipSync(text),
    address: helper.address,
    disks: options.disks.map(({ path }, index) => ({ deviceName: names[index] ?? "", path })),
    node: "present",
    metadata: () => ({ ...metadataOf(helper.address), tags: helper.tags }),
    onShutdown: () => {
      helper.isOff = true;
    },
  });
  helper.machine = machine;
  return helper;
}

/**
 * Controls two helpers until `isOver`: leases, acknowledgements, and the introduction as soon as
 * both have said hello.
 *
 * @param introduce - Changes what one helper is told of the other.
 */
export async function control(
  helpers: Readonly<Record<HelperSide, Helper>>,
  isOver: () => boolean,
  introduce: (side: HelperSide, publicKey: string) => string = (_, publicKey) => publicKey,
): Promise<void> {
  const { source, destination } = helpers;
  const endMs = performance.now() + WAIT_MS;
  for (let look = 0; !isOver(); look++) {
    if (performance.now() > endMs) {
      throw new Error(`waited in vain:\n${source.text}\n----\n${destination.text}`);
    }
    for (const helper of [source, destination]) {
      helper.tags[Tag.lease] = String(look);
      helper.acknowledge();
    }
    tell("source", source, destination);
    tell("destination", destination, source);
    await sleep(LOOK_MS);
  }

  function tell(side: HelperSide, helper: Helper, peer: Helper): void {
    const [hello] = peer.heard("hello");
    if (hello === undefined || helper.heard("hello").length === 0) return;
    const publicKey = introduce(side, hello.publicKey);
    helper.tags[Tag.peer] ??= encodePeer({ publicKey, address: peer.address, port: 46224 });
  }
}
