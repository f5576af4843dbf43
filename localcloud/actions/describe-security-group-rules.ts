/** DescribeSecurityGroupRules. */

import type {
  DescribeSecurityGroupRulesRequest,
  DescribeSecurityGroupRulesResult,
  SecurityGroupRule,
} from "@aws-sdk/client-ec2";
import { type Action, type Call, ec2Action } from "../call.ts";
import { applyFilters } from "../filters.ts";
import { checkId, notFound } from "../ids.ts";
import { paginate } from "../paging.ts";
import type { GroupRuleRecord } from "../records/security-group.ts";
import { tagList } from "../tags.ts";

export const DESCRIBE_SECURITY_GROUP_RULES: Action = ec2Action<
  DescribeSecurityGroupRulesRequest,
  DescribeSecurityGroupRulesResult
>(
  "DescribeSecurityGroupRules",
  ["SecurityGroupRuleIds", "Filters", "NextToken", "MaxResults"],
  describeSecurityGroupRules,
);

function describeSecurityGroupRules(
  input: DescribeSecurityGroupRulesRequest,
  call: Call,
): DescribeSecurityGroupRulesResult {
  const ids = input.SecurityGroupRuleIds;
  for (const id of ids ?? []) checkId("sgr", id);
  const groups = [...call.store.groups.values()];
  const owners = new Map(groups.flatMap((group) => group.rules.map((rule) => [rule, group])));
  const all = [...owners.keys()];
  const missing = ids?.find((id) => !all.some((rule) => rule.id === id));
  if (missing !== undefined) throw notFound("sgr", missing);
  const named = all.filter((rule) => ids === undefined || ids.includes(rule.id));
  const matching = applyFilters(named, input.Filters, {
    "group-id": (rule) => owners.get(rule)?.id,
    "security-group-rule-id": (rule) => rule.id,
  });
  const page = paginate(matching, input, { minimum: 5, maximum: 1000, ids });
  return {
    SecurityGroupRules: page.items.map((rule) =>
      describeRule(rule, owners.get(rule)?.id ?? "", call),
    ),
    NextToken: page.NextToken,
  };
}

export function describeRule(
  rule: GroupRuleRecord,
  groupId: string,
  call: Call,
): SecurityGroupRule {
  return {
    SecurityGroupRuleId: rule.id,
    SecurityGroupRuleArn: call.arn(`security-group-rule/${rule.id}`),
    GroupId: groupId,
    GroupOwnerId: call.account.id,
    IsEgress: rule.egress,
    IpProtocol: rule.protocol,
    FromPort: rule.fromPort,
    ToPort: rule.toPort,
    ...(rule.cidrIpv4 === undefined ? {} : { CidrIpv4: rule.cidrIpv4 }),
    ...(rule.cidrIpv6 === undefined ? {} : { CidrIpv6: rule.cidrIpv6 }),
    ...(rule.groupId === undefined
      ? {}
      : { ReferencedGroupInfo: { GroupId: rule.groupId, UserId: call.account.id } }),
    ...(rule.description === undefined ? {} : { Description: rule.description }),
    ...tagList(rule.tags),
  };
}
