/** What a machine's metadata service knows, as a tree of directories and texts. */

/** What localcloud knows of the instance now. Asked again for every request: tags change. */
export interface MachineMetadata {
  readonly instanceId: string;
  readonly imageId: string;
  readonly instanceType: string;
  readonly region: string;
  readonly availabilityZone: string;
  readonly localIpv4: string;
  readonly publicIpv4?: string;
  readonly securityGroups: readonly string[];
  /** Absent while InstanceMetadataTags is disabled. */
  readonly tags?: Readonly<Record<string, string>>;
  readonly accountId?: string;
  readonly architecture?: string;
}

/** A directory, or the text of a file. A Map, since a tag may be called `__proto__`. */
export type MetadataNode = string | Buffer | ReadonlyMap<string, MetadataNode>;

/** What the tree needs beyond the live part. */
export interface MetadataFixtures {
  readonly userData: Buffer;
  readonly deviceNames: readonly string[];
  /** ISO 8601, whole seconds. */
  readonly launchedAt: string;
}

/** Builds everything below `/latest`. */
export function metadataTree(metadata: MachineMetadata, fixtures: MetadataFixtures): MetadataNode {
  const tree = new Map<string, MetadataNode>();
  tree.set("dynamic", directory({ "instance-identity": directory(identity(metadata, fixtures)) }));
  tree.set("meta-data", metaData(metadata, fixtures));
  if (fixtures.userData.length > 0) tree.set("user-data", fixtures.userData);
  return tree;
}

/**
 * Walks the tree.
 *
 * @param path - Below `/latest`, as it stands in the request: percent-encoded or not.
 */
export function findMetadata(tree: MetadataNode, path: string): MetadataNode | undefined {
  let node: MetadataNode | undefined = tree;
  for (const part of path.split("/").filter((each) => each !== "")) {
    if (!(node instanceof Map)) return undefined;
    node = node.get(part) ?? node.get(decode(part));
    if (node === undefined) return undefined;
  }
  return node;
}

/** A directory's names, one a line; directories in it end in `/`, as cloud-init's walk needs. */
export function listMetadata(node: ReadonlyMap<string, MetadataNode>): string {
  const lines: string[] = [];
  for (const [name, child] of node) lines.push(child instanceof Map ? `${name}/` : name);
  return lines.join("\n");
}

/** The interface's MAC address follows from the machine's address, as on EC2 it never changes. */
export function macAddress(address: string): string {
  const bytes = address.split(".").map((part) => Number(part).toString(16).padStart(2, "0"));
  return ["0a", "ff", ...bytes].join(":");
}

function metaData(metadata: MachineMetadata, fixtures: MetadataFixtures): MetadataNode {
  const { localIpv4, publicIpv4, region, availabilityZone, tags } = metadata;
  const mac = macAddress(localIpv4);
  const name = hostName(localIpv4, region);
  const groups = metadata.securityGroups.join("\n");
  const tree = new Map<string, MetadataNode>(
    Object.entries({
      "ami-id": metadata.imageId,
      "ami-launch-index": "0",
      "block-device-mapping": directory(deviceMapping(fixtures.deviceNames)),
      hostname: name,
      "instance-action": "none",
      "instance-id": metadata.instanceId,
      "instance-life-cycle": "on-demand",
      "instance-type": metadata.instanceType,
      "local-hostname": name,
      "local-ipv4": localIpv4,
      mac,
      network: directory({
        interfaces: directory({
          macs: directory({
            [mac]: directory({
              "device-number": "0",
              "local-hostname": name,
              "local-ipv4s": localIpv4,
              mac,
              ...(publicIpv4 === undefined ? {} : { "public-ipv4s": publicIpv4 }),
              "security-groups": groups,
            }),
          }),
        }),
      }),
      placement: directory({ "availability-zone": availabilityZone, region }),
      ...(publicIpv4 === undefined ? {} : { "public-ipv4": publicIpv4 }),
      "security-groups": groups,
      services: directory({ domain: awsDomain(region), partition: partitionOf(region) }),
    }),
  );
  if (tags !== undefined) {
    tree.set("tags", directory({ instance: new Map(Object.entries(tags)) }));
  }
  return tree;
}

function identity(metadata: MachineMetadata, fixtures: MetadataFixtures): Record<string, string> {
  const document = {
    accountId: metadata.accountId ?? null,
    architecture: metadata.architecture ?? null,
    availabilityZone: metadata.availabilityZone,
    billingProducts: null,
    devpayProductCodes: null,
    marketplaceProductCodes: null,
    imageId: metadata.imageId,
    instanceId: metadata.instanceId,
    instanceType: metadata.instanceType,
    kernelId: null,
    pendingTime: fixtures.launchedAt,
    privateIp: metadata.localIpv4,
    ramdiskId: null,
    region: metadata.region,
    version: "2017-09-30",
  };
  return { document: JSON.stringify(document, undefined, 2) };
}

function deviceMapping(deviceNames: readonly string[]): Record<string, string> {
  const [root, ...others] = deviceNames.map((name) => name.replace(/^\/dev\//, ""));
  const mapping: Record<string, string> = {};
  if (root !== undefined) mapping.ami = root;
  others.forEach((name, index) => {
    mapping[`ebs${index + 1}`] = name;
  });
  if (root !== undefined) mapping.root = `/dev/${root}`;
  return mapping;
}

function directory(entries: Readonly<Record<string, MetadataNode>>): MetadataNode {
  return new Map(Object.entries(entries));
}

function hostName(address: string, region: string): string {
  const zone = region === "us-east-1" ? "ec2.internal" : `${region}.compute.internal`;
  return `ip-${address.replaceAll(".", "-")}.${zone}`;
}

function partitionOf(region: string): string {
  if (region.startsWith("us-gov-")) return "aws-us-gov";
  return region.startsWith("cn-") ? "aws-cn" : "aws";
}

function awsDomain(region: string): string {
  return region.startsWith("cn-") ? "amazonaws.com.cn" : "amazonaws.com";
}

function decode(part: string): string {
  try {
    return decodeURIComponent(part);
  } catch {
    return part;
  }
}
