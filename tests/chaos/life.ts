/**
 * The life of a stack that is tried: what is declared one operation after the other. A new step of
 * the product is tried at each of its calls by a line here.
 */

import { type ChaosBench, SHARED_WITH } from "./chaos-bench.ts";
import type { Copies } from "./engine-twin.ts";

export type LifeStep =
  | {
      readonly kind: "up";
      readonly copies: Copies;
      readonly sources: Readonly<Record<string, 0 | 1>>;
    }
  | { readonly kind: "refresh" | "destroy" };

export type Life = readonly LifeStep[];

const source = { region: "us-east-1", environmentPrefix: "SOURCE_" };
const destination = { region: "us-gov-west-1", environmentPrefix: "DESTINATION_" };

/** One copy of one of the two source images. */
export function upOf(
  bench: ChaosBench,
  index: 0 | 1,
  args: Record<string, unknown> = {},
): LifeStep {
  const sourceAmiId = bench.sources[index].imageId;
  const copy = { sourceAmiId, source, destination, timeoutMinutes: 2, ...args };
  return { kind: "up", copies: { golden: copy }, sources: { golden: index } };
}

const destroy: LifeStep = { kind: "destroy" };

/** Account ids in two partitions of a localcloud. */
const WIDER = {
  description: "of the chaos",
  tags: { team: "a" },
  copyLaunchPermissions: { accountIds: { [SHARED_WITH]: "200000000002" } },
};

/** By name, for the command line. The first is the one that is always meant. */
export const LIVES: Readonly<Record<string, (bench: ChaosBench) => Life>> = {
  replaced: (bench) => [upOf(bench, 0), upOf(bench, 1), destroy],
  changed: (bench) => [
    upOf(bench, 0, WIDER),
    upOf(bench, 0, { ...WIDER, tags: { team: "b" }, description: "changed" }),
    destroy,
  ],
};
