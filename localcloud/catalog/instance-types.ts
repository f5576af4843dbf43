/**
 * A dozen and a half real instance types: those a copier would choose, and some it must not. The
 * figures are what DescribeInstanceTypes says of them.
 */

import type { Region, Zone } from "./regions.ts";

export interface InstanceType {
  readonly name: string;
  readonly architecture: "arm64" | "x86_64";
  readonly vcpus: number;
  readonly memoryMib: number;
  /** Nitro types have ENA, NVMe disks and a console that can be read at any time. */
  readonly nitro: boolean;
  readonly networkPerformance: string;
  readonly networkBaselineGbps: number;
  readonly networkPeakGbps: number;
  readonly ebsBaselineMibPerSecond: number;
  readonly ebsMaximumMibPerSecond: number;
  readonly maximumEbsAttachments: number;
  /** `shared`: network interfaces take slots of the same budget. */
  readonly attachmentLimitType: "dedicated" | "shared";
  readonly currentGeneration: boolean;
}

type Row = readonly [
  name: string,
  architecture: "arm64" | "x86_64",
  vcpus: number,
  memoryGib: number,
  networkBaselineGbps: number,
  networkPeakGbps: number,
  ebsBaselineMib: number,
  ebsMaximumMib: number,
  attachments: number,
];

// biome-ignore format: a table
const ROWS: readonly Row[] = [
  ["t4g.nano",    "arm64",  2, 0.5, 0.032, 5,    5,   260,  27],
  ["t4g.small",   "arm64",  2, 2,   0.128, 5,    22,  260,  27],
  ["c7g.medium",  "arm64",  1, 2,   0.52,  12.5, 40,  1250, 27],
  ["c7g.large",   "arm64",  2, 4,   0.937, 12.5, 79,  1250, 27],
  ["c7gn.large",  "arm64",  2, 4,   6.25,  30,   130, 1250, 27],
  ["c7gn.xlarge", "arm64",  4, 8,   12.5,  40,   260, 1250, 27],
  ["c8g.large",   "arm64",  2, 4,   0.937, 12.5, 79,  1250, 32],
  ["c8gb.large",  "arm64",  2, 4,   4.17,  20,   391, 3125, 32],
  ["c8gb.xlarge", "arm64",  4, 8,   8.33,  26.7, 781, 3125, 32],
  ["c8gn.large",  "arm64",  2, 4,   6.25,  30,   156, 1250, 32],
  ["c8gn.xlarge", "arm64",  4, 8,   12.5,  40,   312, 1250, 32],
  ["t3.nano",     "x86_64", 2, 0.5, 0.032, 5,    5,   260,  27],
  ["t3.small",    "x86_64", 2, 2,   0.128, 5,    22,  260,  27],
  ["c6in.large",  "x86_64", 2, 4,   3.125, 25,   156, 3125, 27],
  ["c6in.xlarge", "x86_64", 4, 8,   6.25,  30,   312, 3125, 27],
  ["c7i.large",   "x86_64", 2, 4,   0.781, 12.5, 82,  1250, 27],
  ["c7i.xlarge",  "x86_64", 4, 8,   1.562, 12.5, 156, 1250, 27],
  ["c8in.xlarge", "x86_64", 4, 8,   6.25,  25,   312, 1250, 32],
  ["m7i.large",   "x86_64", 2, 8,   0.781, 12.5, 82,  1250, 27],
];

/** Not Nitro: no console on demand, no NVMe. Kept to be refused. */
const XEN_ROWS: readonly Row[] = [
  ["t2.micro", "x86_64", 1, 1, 0.064, 0.72, 20, 20, 39],
  ["m4.large", "x86_64", 2, 8, 0.45, 0.45, 56, 56, 39],
];

export const INSTANCE_TYPES: ReadonlyMap<string, InstanceType> = new Map(
  [...ROWS.map((row) => fromRow(row, true)), ...XEN_ROWS.map((row) => fromRow(row, false))].map(
    (type) => [type.name, type],
  ),
);

function fromRow(row: Row, nitro: boolean): InstanceType {
  const [name, architecture, vcpus, memoryGib, baseline, peak, ebsBaseline, ebsMaximum, slots] =
    row;
  return {
    name,
    architecture,
    vcpus,
    memoryMib: memoryGib * 1024,
    nitro,
    networkPerformance: nitro ? `Up to ${peak} Gigabit` : "Low to Moderate",
    networkBaselineGbps: baseline,
    networkPeakGbps: peak,
    ebsBaselineMibPerSecond: ebsBaseline,
    ebsMaximumMibPerSecond: ebsMaximum,
    maximumEbsAttachments: slots,
    attachmentLimitType: name.startsWith("c8") ? "dedicated" : "shared",
    currentGeneration: nitro,
  };
}

/**
 * Where a type can be had. Not everywhere, as in the real world, so that whoever launches has to
 * look: the network-rich 8th generation is missing from each region's first zone, and from GovCloud
 * and China altogether but for c8g.
 */
export function isOffered(type: InstanceType, region: Region, zone?: Zone): boolean {
  const newest = /^c8(gb|gn|in)\./.test(type.name);
  if (newest && /^(us-gov|cn)-/.test(region.name)) return false;
  if (type.name.startsWith("c7gn.") && region.name === "cn-northwest-1") return false;
  if (zone === undefined) return true;
  if (zone.local === true) return false;
  if (newest) return zone.index !== 0;
  if (type.name === "c6in.xlarge") return zone.index < 2;
  return true;
}
