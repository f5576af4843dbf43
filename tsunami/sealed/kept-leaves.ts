/**
 * What the receiver had before this session began, as it says itself: the first bytes of the digest
 * of every leaf that is not zero, in windows that rise. The sender compares them with the digests
 * that it makes anyway; what is equal is kept. Nothing is trusted: the proof at the end covers all.
 *
 * The receiver is still looking while the sender reads. So the sender waits for its word on a leaf,
 * which comes as fast as a disk can be read, but not for one that does not come.
 */

import { KEPT_DIGEST_BYTES, KEPT_LEAVES_MAX, KEPT_WAIT_MS, LEAF_BYTES } from "./limits.ts";
import type { Volume } from "./open-volume.ts";

/** Leaves `from` to `to` of a volume were looked at; no digests at all: none of them is worth it. */
export interface HeldLeaves {
  readonly volume: number;
  readonly from: number;
  readonly to: number;
  /** Base64; zeros for a leaf of zeros. */
  readonly digests: string;
}

interface Window {
  readonly from: number;
  readonly to: number;
  readonly digests: Buffer;
}

interface Heard {
  readonly leaves: number;
  /** Of all leaves below it is known whether the receiver has them. */
  known: number;
  readonly windows: Window[];
}

export class KeptLeaves {
  readonly #volumes: readonly Volume[];
  readonly #heard = new Map<number, Heard>();
  #room = KEPT_LEAVES_MAX;
  #patient = true;
  #wake = () => {};

  constructor(volumes: readonly Volume[]) {
    this.#volumes = volumes;
  }

  /** @param held - The volumes of which the receiver will say something. */
  expect(held: readonly number[]): void {
    for (const volume of held) {
      const leaves = Math.ceil((this.#volumes[volume]?.sizeBytes ?? 0) / LEAF_BYTES);
      this.#heard.set(volume, { leaves, known: 0, windows: [] });
    }
  }

  /**
   * Takes in a word of the receiver. One that went lost with its connection, or makes no sense, leaves
   * a gap, which is sent.
   */
  hear({ volume, from, to, digests }: HeldLeaves): void {
    const heard = this.#heard.get(volume);
    if (!heard) return;
    // Not by String(): an object may say that it has no toString.
    const bytes = Buffer.from(typeof digests === "string" ? digests : "", "base64");
    const sane = Number.isSafeInteger(from) && Number.isSafeInteger(to);
    // Asked only when they are numbers, since an object may refuse to be reckoned with, too.
    const fits = () => !bytes.length || bytes.length === (to - from) * KEPT_DIGEST_BYTES;
    if (!sane || from < heard.known || from > to || to > heard.leaves || !fits()) return;
    heard.known = to;
    this.#room -= bytes.length / KEPT_DIGEST_BYTES;
    if (bytes.length && this.#room >= 0) heard.windows.push({ from, to, digests: bytes });
    this.#wake();
  }

  /** Whether the receiver has this leaf. Leaves are asked for in rising order. */
  async has(volume: number, leaf: number, digest: Buffer): Promise<boolean> {
    const heard = this.#heard.get(volume);
    if (!heard) return false;
    while (this.#patient && heard.known <= leaf) await this.#news();
    const { windows } = heard;
    while ((windows[0]?.to ?? leaf + 1) <= leaf) windows.shift();
    const [first] = windows;
    if (!first || leaf < first.from) return false;
    const at = (leaf - first.from) * KEPT_DIGEST_BYTES;
    const end = at + KEPT_DIGEST_BYTES;
    return first.digests.compare(digest, 0, KEPT_DIGEST_BYTES, at, end) === 0;
  }

  #news(): Promise<void> {
    return new Promise((resolve) => {
      const late = setTimeout(() => {
        this.#patient = false;
        resolve();
      }, KEPT_WAIT_MS);
      this.#wake = () => {
        clearTimeout(late);
        resolve();
      };
    });
  }
}
