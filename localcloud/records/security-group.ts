/** What a localcloud remembers of a security group and its rules. */

import type { Tagged } from "./tagged.ts";

export interface GroupRuleRecord extends Tagged {
  readonly egress: boolean;
  readonly protocol: string;
  readonly fromPort: number;
  readonly toPort: number;
  /** Exactly one of these. */
  readonly cidrIpv4?: string;
  readonly cidrIpv6?: string;
  readonly groupId?: string;
  readonly description: string | undefined;
}

export interface GroupRecord extends Tagged {
  readonly name: string;
  readonly description: string;
  readonly vpcId: string;
  rules: GroupRuleRecord[];
}
