/**
 * iperf3, one stream: what TCP's congestion control reaches in steady state, moving nothing. The
 * first seconds do not count, which favours it.
 */

import { endOrLimit, failed, type Peer, type PeerContext, type PeerOutcome } from "./peer.ts";

const PORT = "5201";
const SECONDS = 20;
const OMITTED_SECONDS = 5;

interface IperfReport {
  readonly end?: {
    readonly sum_received?: { readonly bits_per_second: number; readonly bytes: number };
  };
  readonly error?: string;
}

export const iperfBbr: Peer = { name: "iperf3-bbr", congestion: "bbr", run: runIperf };
export const iperfCubic: Peer = { name: "iperf3-cubic", congestion: "cubic", run: runIperf };

async function runIperf(context: PeerContext): Promise<PeerOutcome> {
  const { addressB, startA, startB } = context;
  const server = startB("iperf3", "-s", "-1", "-B", addressB, "-p", PORT, "--forceflush");
  await server.waitFor(/listening/);
  const times = ["-t", String(SECONDS), "-O", String(OMITTED_SECONDS)];
  const client = startA("iperf3", "-c", addressB, "-p", PORT, ...times, "-J");
  const limitMs = (SECONDS + OMITTED_SECONDS + 30) * 1000;
  const { result, inTime, wallMs } = await endOrLimit(client, { ...context, limitMs });
  const { usage: receiver } = await server.end();
  const report = JSON.parse(result.out || "{}") as IperfReport;
  const received = report.end?.sum_received;
  if (received === undefined)
    throw report.error ? new Error(report.error) : failed("iperf3", result);
  return {
    wallMs,
    bytesMoved: received.bytes,
    complete: inTime,
    proved: false,
    sender: result.usage,
    receiver,
    goodputBitsPerSecond: received.bits_per_second,
  };
}

/** A flow that competes; its rate second by second. */
export interface Competitor {
  /** Mean bits a second received between two moments of `performance.now()`. */
  end(fromMs: number, toMs: number): Promise<number>;
}

interface IperfIntervals {
  readonly intervals?: readonly {
    readonly sum: { readonly end: number; readonly bytes: number };
  }[];
}

/** Starts a flow from A to B that stays until it is ended. */
export async function startCompetitor(context: PeerContext): Promise<Competitor> {
  const { addressB, startA, startB } = context;
  const server = startB("iperf3", "-s", "-1", "-B", addressB, "-p", PORT, "--forceflush", "-J");
  // With -J the server says nothing before its end.
  await new Promise((ready) => setTimeout(ready, 500));
  const client = startA("iperf3", "-c", addressB, "-p", PORT, "-t", "600", "-J");
  const startMs = performance.now();
  return {
    async end(fromMs, toMs) {
      await client.end();
      const { out } = await server.end();
      const { intervals = [] } = JSON.parse(out || "{}") as IperfIntervals;
      const counted = intervals.filter(({ sum }) => {
        const endMs = startMs + sum.end * 1000;
        return endMs >= fromMs + 1000 && endMs <= toMs;
      });
      const bytes = counted.reduce((total, { sum }) => total + sum.bytes, 0);
      return (bytes * 8) / Math.max(1, counted.length);
    },
  };
}
