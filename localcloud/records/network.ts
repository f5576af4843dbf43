/** What a localcloud remembers of VPCs, and of what leads in and out of them. */

import type { Zone } from "../catalog/regions.ts";
import type { State } from "../states.ts";
import type { Tagged } from "./tagged.ts";

export interface SubnetRecord extends Tagged {
  readonly vpcId: string;
  readonly zone: Zone;
  readonly cidr: string;
  /** Of the default VPC. */
  readonly isDefault: boolean;
  mapPublicIpOnLaunch: boolean;
  readonly outpostArn: string | undefined;
}

export interface VpcRecord extends Tagged {
  readonly cidr: string;
  readonly isDefault: boolean;
}

export interface RouteRecord {
  readonly cidr: string;
  /** Of an internet, NAT or transit gateway, or of a peering connection. */
  readonly targetId: string;
}

export interface RouteTableRecord extends Tagged {
  readonly vpcId: string;
  readonly main: boolean;
  /** Subnet id by association id. */
  readonly associations: Map<string, string>;
  /** Beside the local one. */
  readonly routes: RouteRecord[];
}

export interface InternetGatewayRecord extends Tagged {
  vpcId: string | undefined;
}

export interface ElasticAddressRecord extends Tagged {
  readonly publicAddress: string;
}

export type NatGatewayState = "pending" | "available" | "deleted";

export interface NatGatewayRecord extends Tagged {
  readonly vpcId: string;
  readonly subnetId: string;
  /** Both absent: it leads to other VPCs only. */
  readonly allocationId: string | undefined;
  readonly publicAddress: string | undefined;
  readonly privateAddress: string;
  readonly createdAt: Date;
  readonly state: State<NatGatewayState>;
}
