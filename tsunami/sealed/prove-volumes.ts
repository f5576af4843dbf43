/**
 * The receiver's proof thread: follows the writing, reads back what was written, past the page
 * cache where the file system can, and joins the leaves to each volume's digest. When the last
 * record is written, little is left to read.
 */

import { leafDigest, VolumeDigest, zeroLeafDigest } from "./digest.ts";
import type { DiskPort } from "./disk-worker.ts";
import { LEAF_BYTES, LEAVES_AHEAD } from "./limits.ts";
import { onDisk, openProof, readLeafAt, type Volume } from "./open-volume.ts";
import type { Coverage } from "./record.ts";

/** Page-aligned memory, as O_DIRECT wants it: the only one that plain Node can have. */
const { WebAssembly } = globalThis as unknown as {
  WebAssembly: { Memory: new (pages: { initial: number }) => { buffer: ArrayBuffer } };
};

/** Where {@link LEAVES_AHEAD} leaves can be read to, past the page cache. */
export function alignedLeaves(): Buffer[] {
  const memory = new WebAssembly.Memory({ initial: (LEAVES_AHEAD * LEAF_BYTES) / 65536 });
  return Array.from({ length: LEAVES_AHEAD }, (_, index) =>
    Buffer.from(memory.buffer, index * LEAF_BYTES, LEAF_BYTES),
  );
}

interface Proof extends Volume {
  readonly handle: Awaited<ReturnType<typeof openProof>>;
  readonly digest: VolumeDigest;
  readonly blank: boolean;
  readonly endless: boolean;
  /** Everything below is written. */
  covered: number;
  /** Everything below is hashed. */
  hashed: number;
  /** Leaves that have to be read, of those not hashed yet. */
  readonly touched: Set<number>;
}

/** Serves until the thread ends. Posts the `digest` of each volume that is written to its end. */
export async function proveVolumes(
  volumes: readonly Volume[],
  blank: readonly boolean[],
  port: DiskPort,
) {
  const proofs: Proof[] = [];
  for (const [index, volume] of volumes.entries()) {
    const handle = await openProof(volume);
    const endless = (await handle.stat()).isCharacterDevice();
    proofs.push({
      ...volume,
      handle,
      endless,
      blank: blank[index] ?? false,
      digest: new VolumeDigest(),
      covered: 0,
      hashed: 0,
      touched: new Set(),
    });
  }
  const buffers = alignedLeaves();
  const finish = async (proof: Proof, volume: number) => {
    if (proof.hashed < proof.sizeBytes) return;
    await onDisk(proof.path, () => (proof.endless ? Promise.resolve() : proof.handle.sync()));
    port.post({ type: "digest", volume, digest: proof.endless ? "" : proof.digest.finish() });
  };
  let work = Promise.resolve();
  const then = (job: () => Promise<void>) => {
    work = work.then(job).catch((error) => port.fail(error));
  };
  for (const [volume, proof] of proofs.entries()) then(() => finish(proof, volume));
  port.onMessage((message) => {
    if (message.type !== "written") return;
    const proof = proofs[message.coverage.volume];
    if (proof === undefined) return;
    cover(proof, message.coverage);
    then(async () => {
      const before = proof.hashed;
      await onDisk(proof.path, () => hashCovered(proof, buffers));
      if (proof.hashed > before) await finish(proof, message.coverage.volume);
    });
  });
}

function cover(proof: Proof, { start, end, extents, keep }: Coverage): void {
  proof.covered = end;
  const touched = keep || !proof.blank ? [{ offset: start, length: end - start }] : extents;
  for (const { offset, length } of touched) {
    const last = Math.floor((offset + length - 1) / LEAF_BYTES);
    for (let leaf = Math.floor(offset / LEAF_BYTES); leaf <= last; leaf += 1)
      proof.touched.add(leaf);
  }
}

async function hashCovered(proof: Proof, buffers: readonly Buffer[]): Promise<void> {
  const whole = () =>
    Math.min(proof.hashed + LEAF_BYTES, proof.sizeBytes) <= proof.covered &&
    proof.hashed < proof.sizeBytes;
  while (whole()) {
    const batch: Promise<Buffer>[] = [];
    for (const buffer of buffers) {
      if (!whole()) break;
      const at = proof.hashed;
      const length = Math.min(LEAF_BYTES, proof.sizeBytes - at);
      batch.push(readLeaf(proof, at, length, buffer));
      proof.hashed += length;
    }
    for (const leaf of await Promise.all(batch)) proof.digest.add(leaf);
  }
}

async function readLeaf(proof: Proof, at: number, length: number, buffer: Buffer): Promise<Buffer> {
  if (proof.endless || !proof.touched.delete(at / LEAF_BYTES)) return zeroLeafDigest(length);
  return leafDigest(await readLeafAt(proof.handle, buffer, at, length));
}
