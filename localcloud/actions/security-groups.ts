/** CreateSecurityGroup, DeleteSecurityGroup, DescribeSecurityGroups, DescribeSecurityGroupRules. */

import type {
  CreateSecurityGroupRequest,
  CreateSecurityGroupResult,
  DeleteSecurityGroupRequest,
  DeleteSecurityGroupResult,
  DescribeSecurityGroupRulesRequest,
  DescribeSecurityGroupRulesResult,
  DescribeSecurityGroupsRequest,
  DescribeSecurityGroupsResult,
  IpPermission,
  SecurityGroup,
  SecurityGroupRule,
} from "@aws-sdk/client-ec2";
import { type Action, type Call, ec2Action } from "../call.ts";
import { applyFilters, type FilterTable } from "../filters.ts";
import { checkId, newId, notFound } from "../ids.ts";
import { paginate } from "../paging.ts";
import { ApiError, invalidValue, missingParameter } from "../protocol/api-error.ts";
import type { GroupRecord, GroupRuleRecord } from "../records.ts";
import type { Store } from "../store.ts";
import { readTagSpecifications, tagList } from "../tags.ts";

export const SECURITY_GROUP_ACTIONS: readonly Action[] = [
  ec2Action<CreateSecurityGroupRequest, CreateSecurityGroupResult>(
    "CreateSecurityGroup",
    ["Description", "GroupName", "VpcId", "TagSpecifications"],
    createSecurityGroup,
  ),
  ec2Action<DeleteSecurityGroupRequest, DeleteSecurityGroupResult>(
    "DeleteSecurityGroup",
    ["GroupId", "GroupName"],
    deleteSecurityGroup,
  ),
  ec2Action<DescribeSecurityGroupsRequest, DescribeSecurityGroupsResult>(
    "DescribeSecurityGroups",
    ["GroupIds", "GroupNames", "Filters", "NextToken", "MaxResults"],
    describeSecurityGroups,
  ),
  ec2Action<DescribeSecurityGroupRulesRequest, DescribeSecurityGroupRulesResult>(
    "DescribeSecurityGroupRules",
    ["SecurityGroupRuleIds", "Filters", "NextToken", "MaxResults"],
    describeSecurityGroupRules,
  ),
];

/** [SDK CreateSecurityGroupRequest]: both name and description. */
const TEXT_PATTERN = /^[A-Za-z0-9 ._\-:/()#,@[\]+=&;{}!$*]{1,255}$/;

function createSecurityGroup(
  input: CreateSecurityGroupRequest,
  call: Call,
): CreateSecurityGroupResult {
  const { GroupName: name = "", Description: description = "" } = input;
  if (!TEXT_PATTERN.test(name) || /^sg-/i.test(name)) {
    throw invalidValue(`Value (${name}) for parameter GroupName is invalid.`);
  }
  if (!TEXT_PATTERN.test(description)) {
    throw invalidValue(`Value (${description}) for parameter GroupDescription is invalid.`);
  }
  const vpcId = findVpcId(call.store, input.VpcId);
  const tags = readTagSpecifications(input.TagSpecifications, ["security-group"])("security-group");
  const groups = [...call.store.groups.values()];
  const { securityGroups: most } = call.store.settings.quotas;
  if (!call.dryRun && groups.filter((one) => one.vpcId === vpcId).length >= most) {
    throw new ApiError(
      "SecurityGroupLimitExceeded",
      `The maximum number of security groups for ${vpcId} has been reached.`,
    );
  }
  if (groups.some((one) => one.vpcId === vpcId && one.name === name)) {
    throw new ApiError(
      "InvalidGroup.Duplicate",
      `The security group '${name}' already exists for VPC '${vpcId}'`,
    );
  }
  call.commit();
  const id = newId("sg");
  const egress: GroupRuleRecord = {
    id: newId("sgr"),
    tags: new Map(),
    egress: true,
    protocol: "-1",
    fromPort: -1,
    toPort: -1,
    cidrIpv4: "0.0.0.0/0",
    description: undefined,
  };
  call.store.groups.set(id, { id, tags, name, description, vpcId, rules: [egress] });
  return { GroupId: id, SecurityGroupArn: call.arn(`security-group/${id}`), ...tagList(tags) };
}

function findVpcId(store: Store, id: string | undefined): string {
  if (id !== undefined) {
    checkId("vpc", id);
    if (!store.vpcs.has(id)) throw notFound("vpc", id);
    return id;
  }
  const vpc = [...store.vpcs.values()].find((one) => one.isDefault);
  if (vpc === undefined) throw new ApiError("VPCIdNotSpecified", "No default VPC for this user");
  return vpc.id;
}

/** By id, or by its name in the default VPC. */
export function findGroup(
  call: Call,
  input: { readonly GroupId?: string | undefined; readonly GroupName?: string | undefined },
): GroupRecord {
  const { GroupId: id, GroupName: name } = input;
  if (id === undefined && name === undefined) throw missingParameter("GroupId");
  if (id !== undefined) checkId("sg", id);
  const group = [...call.store.groups.values()].find((one) =>
    id === undefined ? one.name === name : one.id === id,
  );
  if (group === undefined) throw notFound("sg", id ?? name ?? "");
  return group;
}

function deleteSecurityGroup(
  input: DeleteSecurityGroupRequest,
  call: Call,
): DeleteSecurityGroupResult {
  const group = findGroup(call, input);
  if (group.name === "default") {
    throw new ApiError(
      "CannotDelete",
      `the specified group: "${group.id}" name: "default" cannot be deleted by a user`,
    );
  }
  const user =
    [...call.store.instances.values()].find(
      (one) =>
        one.state.at(call.nowMs) !== "terminated" &&
        one.networkInterface.groupIds.includes(group.id),
    ) ??
    [...call.store.groups.values()].find(
      (one) => one !== group && one.rules.some((rule) => rule.groupId === group.id),
    );
  if (user !== undefined) {
    throw new ApiError("DependencyViolation", `resource ${group.id} has a dependent object`);
  }
  call.commit();
  call.store.groups.delete(group.id);
  return { Return: true, GroupId: group.id };
}

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
