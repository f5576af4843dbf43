/**
 * The emulated long link: starts `longlink.c`, which makes two nameless network namespaces and
 * carries packets between them, and reads its counters.
 */

import { type ChildProcessByStdio, spawn } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";
import type { Readable, Writable } from "node:stream";

/** One way of a link. */
export interface LinkWay {
  readonly rateMbit: number;
  readonly delayMs: number;
  readonly lossPercent: number;
  /** Mean length of a run of losses; 1: each packet on its own. */
  readonly burstPackets: number;
  readonly queueMs: number;
  readonly seed: number;
}

/** Counters of one way since the link was made. */
export interface WayCounters {
  /** IP bytes that had their time of the bottleneck, also of packets that were lost after it. */
  readonly bytesCarried: number;
  readonly packetsOut: number;
  readonly lost: number;
  readonly queueDrops: number;
  readonly queueMs: number;
}

export interface WaySummary extends WayCounters {
  readonly packetsIn: number;
  /** By how much the emulator was late at worst: its own error. */
  readonly maxLateMs: number;
  /** Packets more than 50 ms late. */
  readonly veryLate: number;
  readonly maxQueueMs: number;
  /** Packets by whole milliseconds of queueing. */
  readonly queueDelays: readonly number[];
}

export interface LinkSample {
  readonly ms: number;
  readonly aToB: WayCounters;
  readonly bToA: WayCounters;
}

export interface LinkSummary {
  readonly aToB: WaySummary;
  readonly bToA: WaySummary;
  readonly samples: readonly LinkSample[];
}

export const ADDRESS_A = "10.77.0.1";
export const ADDRESS_B = "10.77.0.2";

type LinkEvent =
  | { readonly event: "ready"; readonly a: string; readonly b: string }
  | ({ readonly event: "sample" } & LinkSample)
  | ({ readonly event: "end" | "stats" } & LinkSample & LinkSummary);

export class LongLink {
  /** Paths of the two namespaces. */
  readonly namespaceA: string;
  readonly namespaceB: string;
  readonly pid: number;
  readonly #child: ChildProcessByStdio<Writable, Readable, null>;
  readonly #samples: LinkSample[] = [];
  #summary: LinkSummary | undefined;

  private constructor(
    child: ChildProcessByStdio<Writable, Readable, null>,
    ready: { readonly a: string; readonly b: string },
  ) {
    this.#child = child;
    this.pid = child.pid ?? 0;
    this.namespaceA = ready.a;
    this.namespaceB = ready.b;
  }

  /** @throws when there is no TUN or no right to make namespaces. */
  static async start(program: string, aToB: LinkWay, bToA: LinkWay): Promise<LongLink> {
    const child = spawn(program, [describeWay(aToB), describeWay(bToA)], {
      stdio: ["pipe", "pipe", "inherit"],
      detached: true,
    });
    const lines = createInterface({ input: child.stdout });
    const first = await Promise.race([once(lines, "line"), once(lines, "close")]);
    if (first.length === 0)
      throw new Error("the link did not come up: are you root, with /dev/net/tun?");
    const ready = JSON.parse(String(first[0])) as LinkEvent;
    if (ready.event !== "ready") throw new Error(`the link said ${first[0]}`);
    const link = new LongLink(child, ready);
    lines.on("line", (line) => link.#hear(JSON.parse(line) as LinkEvent));
    return link;
  }

  get samples(): readonly LinkSample[] {
    return this.#samples;
  }

  /** Changes the bottleneck from A to B while the link runs. */
  setRate(rateMbit: number): void {
    this.#child.stdin.write(`rate a ${rateMbit}\n`);
  }

  /** Takes the link down and returns what it counted. */
  async end(): Promise<LinkSummary> {
    if (this.#child.exitCode === null && this.#child.signalCode === null) {
      const closed = once(this.#child, "close");
      this.#child.stdin.end();
      await closed;
    }
    if (this.#summary === undefined) throw new Error("the link ended without its counters");
    return this.#summary;
  }

  #hear(event: LinkEvent): void {
    if (event.event === "sample") this.#samples.push(event);
    else if (event.event === "end") {
      this.#summary = { aToB: event.aToB, bToA: event.bToA, samples: this.#samples };
    }
  }
}

function describeWay(way: LinkWay): string {
  const { rateMbit, delayMs, lossPercent, burstPackets, queueMs, seed } = way;
  return `rate=${rateMbit},delay=${delayMs},loss=${lossPercent},burst=${burstPackets},queue=${queueMs},seed=${seed}`;
}

/** The delay that a share of the packets stayed below, in whole milliseconds. */
export function queuePercentileMs(queueDelays: readonly number[], share: number): number {
  const total = queueDelays.reduce((sum, count) => sum + count, 0);
  let seen = 0;
  for (const [ms, count] of queueDelays.entries()) {
    seen += count;
    if (seen >= share * total) return ms + 1;
  }
  return 0;
}
