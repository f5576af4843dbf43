/**
 * The receiver's scan thread, of a target that is not blank: an earlier try may have written much of
 * what is to come. It reads the volumes in the order in which the sender does, and says of every
 * leaf what its digest is. It ends long before the copy does.
 */

import { isZero, leafDigest } from "./digest.ts";
import type { DiskPort } from "./disk-worker.ts";
import { HELD_EVERY_MS, HELD_LEAVES, KEPT_DIGEST_BYTES, LEAF_BYTES } from "./limits.ts";
import { mostLeft, onDisk, openProof, readLeafAt, type Volume } from "./open-volume.ts";
import { alignedLeaves } from "./prove-volumes.ts";

interface Scan extends Volume {
  readonly index: number;
  readonly handle: Awaited<ReturnType<typeof openProof>>;
  next: number;
  /** First leaf that was not told. */
  from: number;
  digests: Buffer[];
}

/** A leaf of zeros is found by the sender itself. */
const NOTHING = Buffer.alloc(KEPT_DIGEST_BYTES);

/** Posts `have` for all leaves of the volumes that are not blank. */
export async function scanVolumes(
  volumes: readonly Volume[],
  blank: readonly boolean[],
  port: DiskPort,
): Promise<void> {
  const scans: Scan[] = [];
  for (const [index, volume] of volumes.entries()) {
    if (blank[index]) continue;
    scans.push({
      ...volume,
      index,
      handle: await openProof(volume),
      next: 0,
      from: 0,
      digests: [],
    });
  }
  const spare = alignedLeaves();
  const ahead: { scan: Scan; buffer: Buffer; leaf: Promise<Buffer> }[] = [];
  let toldAt = performance.now();
  for (;;) {
    for (let buffer = spare.pop(); buffer; buffer = spare.pop()) {
      const scan = mostLeft(scans);
      if (!scan) break;
      const at = scan.next;
      scan.next = Math.min(at + LEAF_BYTES, scan.sizeBytes);
      const leaf = readLeafAt(scan.handle, buffer, at, scan.next - at);
      leaf.catch(() => {}); // Seen when its turn comes.
      ahead.push({ scan, buffer, leaf });
    }
    const first = ahead.shift();
    if (!first) break;
    const { scan, buffer } = first;
    const leaf = await onDisk(scan.path, () => first.leaf);
    scan.digests.push(isZero(leaf) ? NOTHING : leafDigest(leaf).subarray(0, KEPT_DIGEST_BYTES));
    spare.push(buffer);
    if (scan.digests.length === HELD_LEAVES) tell(scan, port);
    const now = performance.now();
    if (now - toldAt < HELD_EVERY_MS && ahead.length) continue;
    toldAt = now;
    for (const one of scans) tell(one, port);
  }
  for (const { handle } of scans) await handle.close();
}

function tell(scan: Scan, port: DiskPort): void {
  const { index: volume, from, digests } = scan;
  const to = from + digests.length;
  if (to === from) return;
  const text = digests.every((one) => one === NOTHING)
    ? ""
    : Buffer.concat(digests).toString("base64");
  port.post({ type: "have", volume, from, to, digests: text });
  scan.from = to;
  scan.digests = [];
}
