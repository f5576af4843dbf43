/** How late an event loop was, and the line in which the watch in the measured program says so. */

/** Milliseconds, at the 99.9th percentile and at worst. */
export interface LoopDelay {
  readonly p999Ms: number;
  readonly maxMs: number;
  /** Without the wait for a core. */
  readonly ownP999Ms?: number;
  readonly ownMaxMs?: number;
}

/** Finds in what a program has printed what its watch has said at its end. */
export function parseLoopDelay(printed: string): LoopDelay | undefined {
  const [, ...texts] = /^loop ([\d.]+) ([\d.]+) ([\d.]+) ([\d.]+)$/m.exec(printed) ?? [];
  const [p999Ms, maxMs, ownP999Ms, ownMaxMs] = texts.map(Number);
  if (p999Ms === undefined || maxMs === undefined) return;
  return { p999Ms, maxMs, ...(ownP999Ms && { ownP999Ms }), ...(ownMaxMs && { ownMaxMs }) };
}
