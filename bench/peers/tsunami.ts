/** Our own two engines, as a person runs them: `npm run tsunami -- serve` and `get`. */

import { randomBytes } from "node:crypto";
import { writeFile } from "node:fs/promises";
import { basename, join } from "node:path";
import { parseLoopDelay } from "./loop-delay.ts";
import { endOrLimit, failed, type Peer, type PeerContext, type PeerOutcome } from "./peer.ts";
import { NODE_FLAGS } from "./tsunami-program.ts";

const PORT = "46224";
/** Ours. 1400 and 6 bytes in a datagram, and 28 of headers: fits a path of 1434 bytes and more. */
const CLASSIC_BLOCK_BYTES = 1400;
/** Ours. The original needs a rate; a person who knows the link leaves it a little room. */
const CLASSIC_SHARE = 0.96;
/** Ours. On the loopback: the largest rate that the original can express. */
const CLASSIC_RATE_MAX = 4_294_967_295;

export const sealed: Peer = {
  name: "sealed",
  congestion: "bbr",
  async run(context) {
    const key = join(context.scratch, "psk");
    await writeFile(key, randomBytes(32).toString("hex"), { mode: 0o600 });
    return await transfer(context, {
      options: ["--sealed", "--psk-file", key],
      get: [],
      proved: true,
    });
  },
};

export const classic: Peer = {
  name: "classic",
  congestion: "bbr",
  async run(context) {
    const { rateMbit } = context;
    const payloadShare = CLASSIC_BLOCK_BYTES / (CLASSIC_BLOCK_BYTES + 34);
    const rate =
      rateMbit === undefined
        ? CLASSIC_RATE_MAX
        : Math.floor(rateMbit * 1e6 * CLASSIC_SHARE * payloadShare);
    const get = ["--rate", String(rate), "--block-size", String(CLASSIC_BLOCK_BYTES)];
    return await transfer(context, { options: [], get, proved: false });
  },
};

/** As somebody has it who does not know the link: the original's 650 Mbit/s in blocks of 1024. */
export const classicDefault: Peer = {
  name: "classic-default",
  congestion: "bbr",
  run: (context) => transfer(context, { options: [], get: [], proved: false }),
};

async function transfer(
  context: PeerContext,
  how: {
    readonly options: readonly string[];
    readonly get: readonly string[];
    readonly proved: boolean;
  },
): Promise<PeerOutcome> {
  const { content, destination, addressA, startA, startB, tsunami, discards } = context;
  const watch = ["--import", tsunami.loopWatch];
  const sockets = context.plainSockets ? ["--no-experimental-ffi"] : [];
  const node = [process.execPath, ...NODE_FLAGS, ...sockets, ...watch, tsunami.command];
  const serve = ["serve", "--address", addressA, "--port", PORT, ...how.options, content.path];
  const server = startA(...node, ...serve);
  await server.waitFor(/until Ctrl-C/);
  const place = `${addressA}:${PORT}`;
  const wanted = [place, basename(content.path), "--output", discards ? "/dev/null" : destination];
  const getter = startB(...node, "get", ...wanted, ...how.options, ...how.get);
  const { result, inTime, wallMs, bytesAtLimit } = await endOrLimit(getter, context);
  const served = await server.end();
  const complete = inTime && result.usage.status === 0;
  if (inTime && !complete) throw failed("tsunami get", result);
  const bytesMoved = complete ? content.sizeBytes : bytesAtLimit;
  return {
    wallMs,
    bytesMoved,
    complete,
    // What nobody keeps can only be known by its seal.
    proved: how.proved && complete && !discards,
    sender: served.usage,
    receiver: result.usage,
    senderLoop: parseLoopDelay(served.err),
    receiverLoop: parseLoopDelay(result.err),
  };
}
