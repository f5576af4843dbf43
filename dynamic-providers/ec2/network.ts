/** What a helper stands in: subnets, routes and security groups, and what a copy asks EC2 of them. */

import type { Tags } from "./tags.ts";

export interface SecurityGroup {
  readonly groupId: string;
  readonly name: string;
  readonly description: string;
  readonly vpcId: string;
  readonly tags: Tags;
}

export interface GroupRequest {
  readonly name: string;
  readonly description: string;
  readonly vpcId: string;
  readonly tags: Tags;
}

export interface Rule {
  readonly protocol: "tcp" | "udp" | "-1";
  /** Absent for protocol `-1`. */
  readonly port?: number;
  /** IPv4 or IPv6. */
  readonly cidr: string;
}

export interface Subnet {
  readonly subnetId: string;
  readonly vpcId: string;
  readonly availabilityZone: string;
  /** Absent: it is in the region itself. */
  readonly outpostArn?: string;
}

export interface SubnetQuery {
  readonly subnetIds?: readonly string[];
  /** Only the default subnets of the default VPC. */
  readonly defaults?: boolean;
}

export interface RouteTable {
  /** Of its VPC: it holds in every subnet that has no table of its own. */
  readonly isMain: boolean;
  readonly subnetIds: readonly string[];
  readonly routes: readonly Route[];
}

export interface Route {
  /** IPv4 only. */
  readonly cidr: string;
  /** Id of what it leads to: `igw-…`, `nat-…`, `tgw-…`, `local`. */
  readonly target: string;
  /** False: what it leads to is gone. */
  readonly isActive: boolean;
}

export interface NatGateway {
  readonly natGatewayId: string;
  /** None for a private one. */
  readonly publicAddresses: readonly string[];
}
