/**
 * The sender's disk thread: reads every byte once, in big pieces and ahead, hashes the leaves,
 * leaves out zeros and what the receiver has, and seals records into the ring as far as the window
 * reaches.
 */

import { isZero, leafDigest, VolumeDigest, zeroLeafDigest } from "./digest.ts";
import type { DiskPort } from "./disk-worker.ts";
import { KeptLeaves } from "./kept-leaves.ts";
import {
  COVERAGE_BYTES_MAX,
  EXTENTS_MAX,
  GRANULE_BYTES,
  LEAF_BYTES,
  LEAVES_AHEAD,
  RECORD_BYTES,
  SEALED_BYTES_MAX,
  WINDOW_RECORDS,
} from "./limits.ts";
import {
  mostLeft,
  type OpenVolume,
  onDisk,
  openSource,
  readExactly,
  type Volume,
} from "./open-volume.ts";
import { type Extent, sealRecord } from "./record.ts";

/** zstd levels, from none to what still does 50 MB/s. */
const LEVELS: readonly number[] = [0, 1, 3, 6, 9];
/** Sealed records waiting for the link: more, and there is time to compress better; fewer, none. */
const BACKLOG_HIGH = 24;
const BACKLOG_LOW = 4;
const LEVEL_EVERY_RECORDS = 8;

interface Source extends OpenVolume {
  readonly index: number;
  readonly digest: VolumeDigest;
  /** Where the next read starts. */
  next: number;
  /** The record being filled. */
  start: number;
  /** It says only that the receiver has all this already. */
  keep: boolean;
  filled: number;
  extents: Extent[];
  readonly data: Buffer;
}

interface ReadAhead {
  readonly source: Source;
  readonly at: number;
  readonly buffer: Buffer<ArrayBuffer>;
  readonly leaf: Promise<Buffer>;
}

/** Reads and seals all volumes. Posts `record`s, `digest`s and, at last, `end`. */
export async function readVolumes(
  volumes: readonly Volume[],
  ring: Buffer,
  port: DiskPort,
): Promise<void> {
  const sources: Source[] = [];
  for (const [index, volume] of volumes.entries()) {
    sources.push({
      ...(await openSource(volume)),
      index,
      digest: new VolumeDigest(),
      next: 0,
      start: 0,
      keep: false,
      filled: 0,
      extents: [],
      data: Buffer.allocUnsafeSlow(RECORD_BYTES),
    });
  }
  port.post({ type: "ready", blank: [] });
  const kept = new KeptLeaves(volumes);
  const seal = await sealer(kept, ring, port);
  const spare = Array.from({ length: LEAVES_AHEAD }, () => Buffer.allocUnsafeSlow(LEAF_BYTES));
  const ahead: ReadAhead[] = [];
  for (const source of sources) await finishIfDone(source, 0, seal, port);
  for (;;) {
    for (let buffer = spare.pop(); buffer; buffer = spare.pop()) {
      const source = mostLeft(sources);
      if (source === undefined) break;
      const at = source.next;
      source.next = Math.min(at + LEAF_BYTES, source.sizeBytes);
      const leaf = readExactly(source.handle, buffer, at, source.next - at);
      leaf.catch(() => {}); // Seen when its turn comes.
      ahead.push({ source, at, buffer, leaf });
    }
    const first = ahead.shift();
    if (first === undefined) break;
    const { source, at } = first;
    const leaf = await onDisk(source.path, () => first.leaf);
    await digestLeaf(source, at, leaf, seal, kept);
    await finishIfDone(source, at + leaf.length, seal, port);
    spare.push(first.buffer);
  }
  port.post({ type: "end" });
}

type Seal = (source: Source, end: number) => Promise<void>;

async function digestLeaf(
  source: Source,
  at: number,
  leaf: Buffer,
  seal: Seal,
  kept: KeptLeaves,
): Promise<void> {
  const end = at + leaf.length;
  const zero = isZero(leaf);
  const digest = zero ? zeroLeafDigest(leaf.length) : leafDigest(leaf);
  source.digest.add(digest);
  const keep = !zero && (await kept.has(source.index, at / LEAF_BYTES, digest));
  if (keep !== source.keep && at > source.start) await seal(source, at);
  source.keep = keep;
  if (zero || keep) {
    if (end - source.start >= COVERAGE_BYTES_MAX) await seal(source, end);
    return;
  }
  for (let from = 0; from < leaf.length; from += GRANULE_BYTES) {
    const to = Math.min(from + GRANULE_BYTES, leaf.length);
    if (isZero(leaf, from, to)) continue;
    const last = source.extents.at(-1);
    const offset = at + from;
    if (last && last.offset + last.length === offset) {
      source.extents[source.extents.length - 1] = { ...last, length: last.length + to - from };
    } else source.extents.push({ offset, length: to - from });
    source.filled += leaf.copy(source.data, source.filled, from, to);
    const full = source.filled + GRANULE_BYTES > RECORD_BYTES;
    if (full || source.extents.length === EXTENTS_MAX) await seal(source, at + to);
  }
}

async function finishIfDone(source: Source, end: number, seal: Seal, port: DiskPort) {
  if (end < source.sizeBytes) return;
  if (end > source.start) await seal(source, end);
  // First: with the last digest told, the session may end this thread at once.
  await source.handle.close();
  port.post({ type: "digest", volume: source.index, digest: source.digest.finish() });
}

/** Waits for the key, then seals records one after another, each when the window has room for it. */
async function sealer(kept: KeptLeaves, ring: Buffer, port: DiskPort): Promise<Seal> {
  let record = 0;
  let limit = 0;
  let backlog = 0;
  let level = 1;
  let wake = () => {};
  const key = await new Promise<Uint8Array>((resolve) => {
    port.onMessage((message) => {
      if (message.type === "start") {
        kept.expect(message.held);
        resolve(message.key);
      } else if (message.type === "window") ({ limit, backlog } = message);
      else if (message.type === "have") kept.hear(message);
      wake();
    });
  });
  return async (source, end) => {
    while (record >= limit) {
      await new Promise<void>((resolve) => {
        wake = resolve;
      });
    }
    if (record % LEVEL_EVERY_RECORDS === 0) {
      if (backlog > BACKLOG_HIGH) level = Math.min(level + 1, LEVELS.length - 1);
      if (backlog < BACKLOG_LOW) level = Math.max(level - 1, 0);
    }
    const { index: volume, start, keep, extents } = source;
    const slot = (record % WINDOW_RECORDS) * SEALED_BYTES_MAX;
    const sealedBytes = sealRecord(
      key,
      record,
      { volume, start, end, keep, extents },
      source.data.subarray(0, source.filled),
      LEVELS[level] ?? 0,
      ring.subarray(slot, slot + SEALED_BYTES_MAX),
    );
    // Each try leaves buffers to be collected: of eight records that do not compress only one is tried.
    if (sealedBytes > RECORD_BYTES) level = 0;
    const coveredBytes = end - start;
    const keptBytes = keep ? coveredBytes : 0;
    port.post({ type: "record", record, sealedBytes, coveredBytes, keptBytes });
    record += 1;
    backlog += 1;
    source.start = end;
    source.filled = 0;
    source.extents = [];
  };
}
