/** Times of the demo's parts, in the order they came. */
export class Stopwatch {
  readonly #parts: { readonly name: string; readonly ms: number; readonly inner: boolean }[] = [];

  /** Says what begins, runs it, and keeps how long it took. */
  async part<Result>(name: string, work: () => Promise<Result>): Promise<Result> {
    console.log(`\n── ${name} ${"─".repeat(Math.max(0, 76 - name.length))}\n`);
    const startMs = performance.now();
    try {
      return await work();
    } finally {
      this.#parts.push({ name, ms: performance.now() - startMs, inner: false });
    }
  }

  /** A span within the part that ended last. */
  addInner(name: string, ms: number): void {
    this.#parts.push({ name, ms, inner: true });
  }

  /** What is left of that part, beside its spans. */
  addRest(name: string): void {
    const start = this.#parts.findLastIndex(({ inner }) => !inner);
    const [part, ...spans] = this.#parts.slice(Math.max(0, start));
    if (part === undefined) return;
    this.addInner(name, part.ms - spans.reduce((sum, { ms }) => sum + ms, 0));
  }

  rows(): string[][] {
    const totalMs = this.#parts.reduce((sum, { ms, inner }) => sum + (inner ? 0 : ms), 0);
    return [
      ...this.#parts.map(({ name, ms, inner }) => [inner ? `  ${name}` : name, seconds(ms, inner)]),
      ["all", seconds(totalMs, false)],
    ];
  }
}

function seconds(ms: number, inner: boolean): string {
  return `${inner ? "" : "          "}${(ms / 1000).toFixed(1).padStart(6)} s`;
}
