/** What a peer is given: the emulated link, and a way to start programs at both of its ends. */

import { ADDRESS_A, ADDRESS_B, type LinkWay, LongLink } from "./link/long-link.ts";
import { Side } from "./link/side.ts";
import type { MeasurementOptions } from "./measurement.ts";
import type { Peer, PeerContext } from "./peers/peer.ts";
import { DEFAULT_QUEUE_MS, type Point, type PointLink } from "./points.ts";

/** Ours. Both ways' buffers hold more than the largest product of rate and delay here. */
const TCP_BUFFERS = "4096 131072 67108864";

export async function startLink(
  { programs }: MeasurementOptions,
  link: PointLink,
  seed: number,
): Promise<LongLink> {
  const way: LinkWay = {
    rateMbit: link.rateMbit,
    delayMs: link.roundTripMs / 2,
    lossPercent: link.lossPercent,
    burstPackets: link.burstPackets ?? 1,
    queueMs: link.queueMs ?? DEFAULT_QUEUE_MS,
    seed: 2 * seed,
  };
  return await LongLink.start(programs.longlink, way, { ...way, seed: 2 * seed + 1 });
}

export function peerContext(
  { point, content, programs, limitMs, signal }: MeasurementOptions,
  made: {
    readonly link: LongLink | undefined;
    readonly scratch: string;
    readonly destination: string;
    readonly sides: Side[];
  },
): PeerContext {
  const { link, scratch, destination, sides } = made;
  const start = (namespace: string | undefined) => {
    return (...command: string[]): Side => {
      const side = new Side({ program: programs.side, namespace, command, directory: scratch });
      sides.push(side);
      return side;
    };
  };
  return {
    content,
    destination,
    scratch,
    addressA: link === undefined ? "127.0.0.1" : ADDRESS_A,
    addressB: link === undefined ? "127.0.0.1" : ADDRESS_B,
    rateMbit: point.link?.rateMbit,
    tsunami: programs.tsunami,
    discards: point.discards === true,
    plainSockets: point.plainSockets === true,
    limitMs,
    signal,
    startA: start(link?.namespaceA),
    startB: start(link?.namespaceB),
  };
}

/**
 * Buffers and congestion control of both ends. The route carries the latter, because a namespace may
 * not set its default. A competitor brings its own to the data's direction.
 */
export async function prepareEnds(context: PeerContext, peer: Peer, point: Point): Promise<void> {
  const congestion = point.competitor ?? peer.congestion;
  const script = [
    `echo ${TCP_BUFFERS} > /proc/sys/net/ipv4/tcp_rmem`,
    `echo ${TCP_BUFFERS} > /proc/sys/net/ipv4/tcp_wmem`,
    "echo 1 > /proc/sys/net/ipv4/tcp_no_metrics_save",
    `ip route replace 10.77.0.0/24 dev wan0 congctl ${congestion}`,
  ].join(" && ");
  for (const start of [context.startA, context.startB]) {
    const { usage, err } = await start("sh", "-c", script).ended;
    if (usage.status !== 0) throw new Error(`an end of the link cannot be prepared: ${err}`);
  }
}
