/** Partitions, their regions and the zones in them: a small part of the real map, with real names. */

export interface Partition {
  readonly name: string;
  /** DNS suffix, as in the names that instances get. */
  readonly dnsSuffix: string;
  readonly regions: readonly Region[];
}

export interface Region {
  readonly name: string;
  readonly zones: readonly Zone[];
  /** Position over all partitions, from 1: where the region lies in a localcloud's address space. */
  readonly index: number;
}

export interface Zone {
  readonly name: string;
  readonly id: string;
  /** Position in its region, from 0. */
  readonly index: number;
}

/** name, prefix of zone ids, zone letters. us-west-1 really shows two zones, under letters a and c. */
const REGIONS_BY_PARTITION: Readonly<Record<string, readonly [string, string, string][]>> = {
  aws: [
    ["us-east-1", "use1-az", "abcd"],
    ["us-east-2", "use2-az", "abc"],
    ["us-west-1", "usw1-az", "ac"],
    ["us-west-2", "usw2-az", "abcd"],
    ["eu-central-1", "euc1-az", "abc"],
    ["eu-west-1", "euw1-az", "abc"],
    ["ap-northeast-1", "apne1-az", "acd"],
  ],
  "aws-us-gov": [
    ["us-gov-west-1", "usgw1-az", "abc"],
    ["us-gov-east-1", "usge1-az", "abc"],
  ],
  "aws-cn": [
    ["cn-north-1", "cnn1-az", "abd"],
    ["cn-northwest-1", "cnnw1-az", "abc"],
  ],
};

export const PARTITIONS: readonly Partition[] = buildPartitions();

function buildPartitions(): Partition[] {
  let index = 0;
  return Object.entries(REGIONS_BY_PARTITION).map(([name, regions]) => ({
    name,
    dnsSuffix: name === "aws-cn" ? "amazonaws.com.cn" : "amazonaws.com",
    regions: regions.map(([regionName, idPrefix, letters]) => {
      index += 1;
      const zones = [...letters].map((letter, i) => ({
        name: `${regionName}${letter}`,
        id: `${idPrefix}${i + 1}`,
        index: i,
      }));
      return { name: regionName, zones, index };
    }),
  }));
}

/** @returns `undefined` for a name that no partition has. */
export function findRegion(name: string): { partition: Partition; region: Region } | undefined {
  for (const partition of PARTITIONS) {
    const region = partition.regions.find((one) => one.name === name);
    if (region !== undefined) return { partition, region };
  }
  return undefined;
}
