/**
 * The quotas that a copy can meet, by their names and codes in Service Quotas. Pure.
 *
 * Source: the quota tables of the user guides of Amazon EC2 (ec2-resource-limits, ami-quotas), EBS
 * (ebs-resource-quotas) and VPC, whose entries link to the console by these codes.
 */

export interface Quota {
  readonly service: "ec2" | "ebs" | "vpc";
  readonly code: string;
  readonly name: string;
}

/** In vCPUs. */
export const STANDARD_VCPUS: Quota = {
  service: "ec2",
  code: "L-1216C47A",
  name: "Running On-Demand Standard (A, C, D, H, I, M, R, T, Z) instances",
};

export const PUBLIC_IMAGES: Quota = { service: "ec2", code: "L-0E3CBAB9", name: "Public AMIs" };

export const SNAPSHOTS: Quota = {
  service: "ebs",
  code: "L-309BACF6",
  name: "Snapshots per Region",
};

export const PENDING_SNAPSHOTS: Quota = {
  service: "ebs",
  code: "L-94D7AB7D",
  name: "Pending snapshots per account",
};

export const SECURITY_GROUPS: Quota = {
  service: "vpc",
  code: "L-E79EC296",
  name: "VPC security groups per Region",
};

function storage(code: string, label: string): Quota {
  return { service: "ebs", code, name: `Storage for ${label} volumes, in TiB` };
}

/** By type of volume; in TiB. */
export const STORAGE: Readonly<Record<string, Quota>> = {
  gp3: storage("L-7A658B76", "General Purpose SSD (gp3)"),
  gp2: storage("L-D18FCD1D", "General Purpose SSD (gp2)"),
  io1: storage("L-FD252861", "Provisioned IOPS SSD (io1)"),
  io2: storage("L-09BD8365", "Provisioned IOPS SSD (io2)"),
  st1: storage("L-82ACEF56", "Throughput Optimized HDD (st1)"),
  sc1: storage("L-17AF77E8", "Cold HDD (sc1)"),
  standard: storage("L-9CF3C2EB", "Magnetic (standard)"),
};

/** Whether {@link STANDARD_VCPUS} counts it: `c7gn.large`, `im4gn.large`; not `inf1`, `hpc7g`, `mac2`, … */
export function isStandard(instanceType: string): boolean {
  return /^(?:[acdhimrtz]|im|is)\d/.test(instanceType);
}

export function formatQuota({ name, service, code }: Quota): string {
  return `${name} (${service}, ${code})`;
}
