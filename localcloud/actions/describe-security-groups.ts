/** DescribeSecurityGroups. */

import type {
  DescribeSecurityGroupsRequest,
  DescribeSecurityGroupsResult,
  IpPermission,
  SecurityGroup,
} from "@aws-sdk/client-ec2";
import { type Action, type Call, ec2Action } from "../call.ts";
import { applyFilters, type FilterTable } from "../filters.ts";
import { paginate } from "../paging.ts";
import type { GroupRecord, GroupRuleRecord } from "../records/security-group.ts";
import { tagList } from "../tags.ts";
import { findGroup } from "./security-group-lookup.ts";

export const DESCRIBE_SECURITY_GROUPS: Action = ec2Action<
  DescribeSecurityGroupsRequest,
  DescribeSecurityGroupsResult
>(
  "DescribeSecurityGroups",
  ["GroupIds", "GroupNames", "Filters", "NextToken", "MaxResults"],
  describeSecurityGroups,
);

const ruleValues =
  (egress: boolean, read: (rule: GroupRuleRecord) => string | number | undefined) =>
  (group: GroupRecord) =>
    group.rules.filter((rule) => rule.egress === egress).map(read);

const FILTERS: FilterTable<GroupRecord> = {
  description: (group) => group.description,
  "egress.ip-permission.cidr": ruleValues(true, (rule) => rule.cidrIpv4),
  "egress.ip-permission.from-port": ruleValues(true, (rule) => rule.fromPort),
  "egress.ip-permission.group-id": ruleValues(true, (rule) => rule.groupId),
  "egress.ip-permission.protocol": ruleValues(true, (rule) => rule.protocol),
  "egress.ip-permission.to-port": ruleValues(true, (rule) => rule.toPort),
  "group-id": (group) => group.id,
  "group-name": (group) => group.name,
  "ip-permission.cidr": ruleValues(false, (rule) => rule.cidrIpv4),
  "ip-permission.from-port": ruleValues(false, (rule) => rule.fromPort),
  "ip-permission.group-id": ruleValues(false, (rule) => rule.groupId),
  "ip-permission.protocol": ruleValues(false, (rule) => rule.protocol),
  "ip-permission.to-port": ruleValues(false, (rule) => rule.toPort),
  "vpc-id": (group) => group.vpcId,
};

function describeSecurityGroups(
  input: DescribeSecurityGroupsRequest,
  call: Call,
): DescribeSecurityGroupsResult {
  const { GroupIds: ids, GroupNames: names } = input;
  for (const id of ids ?? []) findGroup(call, { GroupId: id });
  for (const name of names ?? []) findGroup(call, { GroupName: name });
  const named = [...call.store.groups.values()].filter(
    (group) =>
      (ids === undefined || ids.includes(group.id)) &&
      (names === undefined || names.includes(group.name)),
  );
  const matching = applyFilters(named, input.Filters, {
    ...FILTERS,
    "owner-id": () => call.account.id,
  });
  const page = paginate(matching, input, { minimum: 5, maximum: 1000, ids });
  return {
    SecurityGroups: page.items.map((group) => describeGroup(group, call)),
    NextToken: page.NextToken,
  };
}

function describeGroup(group: GroupRecord, call: Call): SecurityGroup {
  return {
    GroupId: group.id,
    GroupName: group.name,
    Description: group.description,
    OwnerId: call.account.id,
    VpcId: group.vpcId,
    SecurityGroupArn: call.arn(`security-group/${group.id}`),
    IpPermissions: describePermissions(group, false, call),
    IpPermissionsEgress: describePermissions(group, true, call),
    ...tagList(group.tags),
  };
}

/** Rules of one protocol and port range are shown as one permission. */
function describePermissions(group: GroupRecord, egress: boolean, call: Call): IpPermission[] {
  const rules = group.rules.filter((rule) => rule.egress === egress);
  const byPorts = Map.groupBy(rules, (rule) => `${rule.protocol} ${rule.fromPort} ${rule.toPort}`);
  return [...byPorts.values()].map((same) => {
    const [first] = same;
    const described = (rule: GroupRuleRecord) =>
      rule.description === undefined ? {} : { Description: rule.description };
    return {
      IpProtocol: first?.protocol,
      ...(first?.protocol === "-1" ? {} : { FromPort: first?.fromPort, ToPort: first?.toPort }),
      IpRanges: same.flatMap((rule) =>
        rule.cidrIpv4 === undefined ? [] : { CidrIp: rule.cidrIpv4, ...described(rule) },
      ),
      Ipv6Ranges: same.flatMap((rule) =>
        rule.cidrIpv6 === undefined ? [] : { CidrIpv6: rule.cidrIpv6, ...described(rule) },
      ),
      PrefixListIds: [],
      UserIdGroupPairs: same.flatMap((rule) =>
        rule.groupId === undefined
          ? []
          : { GroupId: rule.groupId, UserId: call.account.id, ...described(rule) },
      ),
    };
  });
}
