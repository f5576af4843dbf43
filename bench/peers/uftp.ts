/** UFTP, sending to one receiver. It is made for multicast; its rate must be told. */

import { basename, join } from "node:path";
import { endOrLimit, failed, type Peer, type PeerContext, type PeerOutcome } from "./peer.ts";

/** Ours. As for classic: a little room on the link. */
const RATE_SHARE = 0.94;

export const uftp: Peer = { name: "uftp", congestion: "bbr", run: runUftp };

async function runUftp(context: PeerContext): Promise<PeerOutcome> {
  const {
    content,
    destination,
    addressA,
    addressB,
    rateMbit = 2000,
    scratch,
    startA,
    startB,
  } = context;
  // A receiver in the foreground that writes straight to the destination.
  const receiver = startB("uftpd", "-d", "-D", destination, "-I", addressB, "-B", "4194304", "-t");
  await new Promise((ready) => setTimeout(ready, 500));
  const rate = String(Math.floor(rateMbit * 1000 * RATE_SHARE));
  const to = ["-M", addressB, "-I", addressA];
  const status = join(scratch, "uftp.status");
  const sender = startA("uftp", "-R", rate, "-B", "4194304", ...to, "-S", status, content.path);
  const { result, inTime, wallMs, bytesAtLimit } = await endOrLimit(sender, context);
  const { usage } = await receiver.end();
  const complete = inTime && result.usage.status === 0;
  if (inTime && !complete) throw failed(`uftp of ${basename(content.path)}`, result);
  const bytesMoved = complete ? content.sizeBytes : bytesAtLimit;
  return { wallMs, bytesMoved, complete, proved: false, sender: result.usage, receiver: usage };
}
