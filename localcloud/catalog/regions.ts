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
  /** Further zones, in cities of their own. Nobody gets an instance there. */
  readonly localZones: readonly Zone[];
  /** Position over all partitions, from 1: where the region lies in a localcloud's address space. */
  readonly index: number;
}

export interface Zone {
  readonly name: string;
  readonly id: string;
  /** Position in its region, from 0. */
  readonly index: number;
  readonly local?: boolean;
}

/** name and id of a Local Zone, by region. */
const LOCAL_ZONES: Readonly<Record<string, readonly [string, string]>> = {
  "us-east-1": ["us-east-1-bos-1a", "use1-bos1-az1"],
  "us-west-2": ["us-west-2-lax-1a", "usw2-lax1-az1"],
};

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
      const local = LOCAL_ZONES[regionName];
      const localZones =
        local === undefined ? [] : [{ name: local[0], id: local[1], index: 0, local: true }];
      return { name: regionName, zones, localZones, index };
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
