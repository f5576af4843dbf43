/**
 * Which blocks are here: one bit each, in pages made when the first block of a page comes. A peer
 * that announces four thousand million blocks costs nothing until it sends them.
 */

const PAGE_BLOCKS = 1 << 16;
const WORD_BLOCKS = 32;
const WORD_FULL = 0xffff_ffff;

export class BlockMap {
  readonly #pages = new Map<number, Uint32Array>();

  has(blockNumber: number): boolean {
    const page = this.#pages.get(Math.floor(blockNumber / PAGE_BLOCKS));
    if (page === undefined) return false;
    const bit = blockNumber % PAGE_BLOCKS;
    return (((page[bit >>> 5] ?? 0) >>> (bit & 31)) & 1) === 1;
  }

  add(blockNumber: number): void {
    const index = Math.floor(blockNumber / PAGE_BLOCKS);
    let page = this.#pages.get(index);
    if (page === undefined) {
      page = new Uint32Array(PAGE_BLOCKS / WORD_BLOCKS);
      this.#pages.set(index, page);
    }
    const bit = blockNumber % PAGE_BLOCKS;
    page[bit >>> 5] = (page[bit >>> 5] ?? 0) | (1 << (bit & 31));
  }

  /** @returns The first block from `from` to `to` that is not here, or `undefined`. Skips full words. */
  firstMissing(from: number, to: number): number | undefined {
    let block = from;
    while (block <= to) {
      const page = this.#pages.get(Math.floor(block / PAGE_BLOCKS));
      if (page === undefined) return block;
      const bit = block % PAGE_BLOCKS;
      const word = page[bit >>> 5] ?? 0;
      if ((bit & 31) === 0 && word >>> 0 === WORD_FULL) block += WORD_BLOCKS;
      else if (((word >>> (bit & 31)) & 1) === 0) return block;
      else block++;
    }
    return undefined;
  }
}
