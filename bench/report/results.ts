/** Results of several sittings, put together: median and range of each figure. */

import { readFileSync } from "node:fs";
import type { Measurement } from "../measurement.ts";
import type { PeerName } from "../points.ts";

export interface ResultLine extends Measurement {
  readonly at: string;
  readonly machine: Readonly<Record<string, string | number>>;
}

/** Median and range of the runs that count. */
export interface Spread {
  readonly median: number;
  readonly least: number;
  readonly most: number;
}

/** All runs of one peer at one point. */
export interface Summary {
  readonly runs: readonly ResultLine[];
  /** All runs were disturbed: better than nothing, and marked. */
  readonly noisy: boolean;
  readonly goodput: Spread;
  readonly wireRatio: Spread | undefined;
  readonly senderCores: Spread;
  readonly receiverCores: Spread;
}

export class Results {
  readonly lines: readonly ResultLine[];

  constructor(lines: readonly ResultLine[]) {
    this.lines = lines;
  }

  /** A run that was measured again counts as it was measured last. */
  static read(path: string): Results {
    const texts = readFileSync(path, "utf8").split("\n").filter(Boolean);
    const newest = new Map<string, ResultLine>();
    for (const text of texts) {
      const line = JSON.parse(text) as ResultLine;
      newest.set([line.pointId, line.peer, line.run].join(" "), line);
    }
    return new Results([...newest.values()]);
  }

  /** @returns `undefined` when there is no such run. */
  find(pointId: string, peer: PeerName): Summary | undefined {
    const all = this.lines.filter((line) => line.pointId === pointId && line.peer === peer);
    const quiet = all.filter(({ noisy }) => !noisy);
    const runs = quiet.length > 0 ? quiet : all;
    if (runs.length === 0) return undefined;
    const wire = runs.flatMap(({ wireRatio }) => (wireRatio === undefined ? [] : [wireRatio]));
    return {
      runs,
      noisy: quiet.length === 0,
      goodput: spreadOf(runs.map(({ goodputBitsPerSecond }) => goodputBitsPerSecond)),
      wireRatio: wire.length === 0 ? undefined : spreadOf(wire),
      senderCores: spreadOf(runs.map(({ senderCores }) => senderCores)),
      receiverCores: spreadOf(runs.map(({ receiverCores }) => receiverCores)),
    };
  }
}

/** Of at least one value. */
export function spreadOf(values: readonly number[]): Spread {
  const sorted = values.toSorted((one, other) => one - other);
  const at = (index: number): number => sorted[index] ?? Number.NaN;
  const middle = (sorted.length - 1) / 2;
  const median = (at(Math.floor(middle)) + at(Math.ceil(middle))) / 2;
  return { median, least: at(0), most: at(sorted.length - 1) };
}
