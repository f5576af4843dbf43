/** Authorize and Revoke, ingress and egress. */

import { isIP } from "node:net";
import type {
  AuthorizeSecurityGroupEgressRequest,
  AuthorizeSecurityGroupIngressRequest,
  AuthorizeSecurityGroupIngressResult,
  IpPermission,
  RevokeSecurityGroupEgressRequest,
  RevokeSecurityGroupIngressRequest,
  RevokeSecurityGroupIngressResult,
} from "@aws-sdk/client-ec2";
import { type Action, type Call, ec2Action, refuseMembers } from "../call.ts";
import { checkId, newId, notFound } from "../ids.ts";
import { ApiError, invalidValue, missingParameter } from "../protocol/api-error.ts";
import type { GroupRecord, GroupRuleRecord } from "../records/security-group.ts";
import { readTagSpecifications } from "../tags.ts";
import { describeRule } from "./describe-security-group-rules.ts";
import { findGroup } from "./security-group-lookup.ts";

export const SECURITY_GROUP_RULE_ACTIONS: readonly Action[] = [
  ec2Action<AuthorizeSecurityGroupIngressRequest, AuthorizeSecurityGroupIngressResult>(
    "AuthorizeSecurityGroupIngress",
    [
      "GroupId",
      "GroupName",
      "IpPermissions",
      "CidrIp",
      "FromPort",
      "IpProtocol",
      "ToPort",
      "TagSpecifications",
    ],
    (input, call) => authorize(input, call, false),
  ),
  ec2Action<AuthorizeSecurityGroupEgressRequest, AuthorizeSecurityGroupIngressResult>(
    "AuthorizeSecurityGroupEgress",
    ["GroupId", "IpPermissions", "TagSpecifications"],
    (input, call) => authorize(input, call, true),
  ),
  ec2Action<RevokeSecurityGroupIngressRequest, RevokeSecurityGroupIngressResult>(
    "RevokeSecurityGroupIngress",
    [
      "GroupId",
      "GroupName",
      "IpPermissions",
      "CidrIp",
      "FromPort",
      "IpProtocol",
      "ToPort",
      "SecurityGroupRuleIds",
    ],
    (input, call) => revoke(input, call, false),
  ),
  ec2Action<RevokeSecurityGroupEgressRequest, RevokeSecurityGroupIngressResult>(
    "RevokeSecurityGroupEgress",
    ["GroupId", "IpPermissions", "SecurityGroupRuleIds"],
    (input, call) => revoke(input, call, true),
  ),
];

/** [UG security groups]: 60 inbound and 60 outbound rules a group. */
const RULES_MAX_COUNT = 60;

type NewRule = Omit<GroupRuleRecord, "id" | "tags">;

function authorize(
  input: AuthorizeSecurityGroupIngressRequest,
  call: Call,
  egress: boolean,
): AuthorizeSecurityGroupIngressResult {
  const group = findGroup(call, input);
  const wanted = readPermissions(input, call, egress);
  const tagsFor = readTagSpecifications(input.TagSpecifications, ["security-group-rule"]);
  const known = new Set(group.rules.map(ruleKey));
  for (const rule of wanted) {
    if (known.has(ruleKey(rule))) {
      throw new ApiError(
        "InvalidPermission.Duplicate",
        `the specified rule "peer: ${peerOf(rule)}, ${rule.protocol.toUpperCase()}, ` +
          `from port: ${rule.fromPort}, to port: ${rule.toPort}, ALLOW" already exists`,
      );
    }
    known.add(ruleKey(rule));
  }
  const count = group.rules.filter((rule) => rule.egress === egress).length + wanted.length;
  if (count > RULES_MAX_COUNT) {
    throw new ApiError(
      "RulesPerSecurityGroupLimitExceeded",
      "The maximum number of rules per security group has been reached.",
    );
  }
  call.commit();
  const made = wanted.map((rule) => ({
    ...rule,
    id: newId("sgr"),
    tags: tagsFor("security-group-rule"),
  }));
  group.rules.push(...made);
  return {
    Return: true,
    SecurityGroupRules: made.map((rule) => describeRule(rule, group.id, call)),
  };
}

function revoke(
  input: RevokeSecurityGroupIngressRequest,
  call: Call,
  egress: boolean,
): RevokeSecurityGroupIngressResult {
  const group = findGroup(call, input);
  const going =
    input.SecurityGroupRuleIds === undefined
      ? readPermissions(input, call, egress).map((rule) => findRule(group, rule))
      : input.SecurityGroupRuleIds.map((id) => findRuleById(group, id, egress));
  call.commit();
  group.rules = group.rules.filter((rule) => !going.includes(rule));
  return {
    Return: true,
    RevokedSecurityGroupRules: going.map((rule) => ({
      SecurityGroupRuleId: rule.id,
      GroupId: group.id,
      IsEgress: egress,
      IpProtocol: rule.protocol,
      FromPort: rule.fromPort,
      ToPort: rule.toPort,
      ...(rule.cidrIpv4 === undefined ? {} : { CidrIpv4: rule.cidrIpv4 }),
      ...(rule.cidrIpv6 === undefined ? {} : { CidrIpv6: rule.cidrIpv6 }),
      ...(rule.groupId === undefined ? {} : { ReferencedGroupId: rule.groupId }),
    })),
  };
}

function findRule(group: GroupRecord, wanted: NewRule): GroupRuleRecord {
  const found = group.rules.find((rule) => ruleKey(rule) === ruleKey(wanted));
  if (found !== undefined) return found;
  throw new ApiError(
    "InvalidPermission.NotFound",
    "The specified rule does not exist in this security group.",
  );
}

function findRuleById(group: GroupRecord, id: string, egress: boolean): GroupRuleRecord {
  checkId("sgr", id);
  const found = group.rules.find((rule) => rule.id === id && rule.egress === egress);
  if (found === undefined) throw notFound("sgr", id);
  return found;
}

/** A permission has many sources; a rule has one. */
function readPermissions(
  input: AuthorizeSecurityGroupIngressRequest,
  call: Call,
  egress: boolean,
): NewRule[] {
  const { IpPermissions: listed, IpProtocol, CidrIp, FromPort, ToPort } = input;
  const permissions: readonly IpPermission[] =
    listed ??
    (IpProtocol === undefined
      ? []
      : [
          {
            IpProtocol,
            FromPort,
            ToPort,
            IpRanges: CidrIp === undefined ? [] : [{ CidrIp }],
          },
        ]);
  if (permissions.length === 0) throw missingParameter("IpPermissions");
  return permissions.flatMap((permission) => readPermission(permission, call, egress));
}

function readPermission(permission: IpPermission, call: Call, egress: boolean): NewRule[] {
  refuseMembers(
    permission,
    ["IpProtocol", "FromPort", "ToPort", "IpRanges", "Ipv6Ranges", "UserIdGroupPairs"],
    "IpPermissions",
  );
  const ports = { egress, ...readPorts(permission) };
  const rules: NewRule[] = [];
  for (const { CidrIp: cidr = "", Description: description } of permission.IpRanges ?? []) {
    rules.push({ ...ports, cidrIpv4: checkCidr(cidr, 4), description });
  }
  for (const { CidrIpv6: cidr = "", Description: description } of permission.Ipv6Ranges ?? []) {
    rules.push({ ...ports, cidrIpv6: checkCidr(cidr, 6), description });
  }
  for (const pair of permission.UserIdGroupPairs ?? []) {
    const peer = findGroup(call, pair);
    rules.push({ ...ports, groupId: peer.id, description: pair.Description });
  }
  if (rules.length === 0) {
    throw invalidValue("The permission names no address range and no security group.");
  }
  return rules;
}

function readPorts(permission: IpPermission): {
  protocol: string;
  fromPort: number;
  toPort: number;
} {
  const names: Readonly<Record<string, string>> = {
    "6": "tcp",
    "17": "udp",
    "1": "icmp",
    all: "-1",
  };
  const given = (permission.IpProtocol ?? "").toLowerCase();
  const protocol = names[given] ?? given;
  if (!/^(tcp|udp|icmp|icmpv6|-1|0|[1-9]\d{0,2})$/.test(protocol) || Number(protocol) > 255) {
    throw invalidValue(`Invalid value '${given}' for IP protocol. Unknown protocol.`);
  }
  if (protocol !== "tcp" && protocol !== "udp") {
    const { FromPort: from = -1, ToPort: to = -1 } = permission;
    if (protocol.startsWith("icmp")) checkIcmp(from, to);
    return protocol === "-1"
      ? { protocol, fromPort: -1, toPort: -1 }
      : { protocol, fromPort: from, toPort: to };
  }
  const { FromPort: fromPort, ToPort: toPort } = permission;
  if (fromPort === undefined || toPort === undefined) {
    throw invalidValue(
      `Invalid value 'Must specify both from and to ports with TCP/UDP.' for portRange.`,
    );
  }
  if (!(fromPort >= 0 && fromPort <= toPort && toPort <= 65_535)) {
    throw invalidValue(`Invalid value '${fromPort}-${toPort}' for portRange.`);
  }
  return { protocol, fromPort, toPort };
}

/** -1 is all. The words are of hashicorp/terraform#13015, those about types are ours. */
function checkIcmp(type: number, code: number): void {
  for (const [name, value] of [
    ["type", type],
    ["code", code],
  ] as const) {
    if (!(value >= -1 && value <= 255)) throw invalidValue(`ICMP ${name} (${value}) out of range`);
  }
}

function checkCidr(cidr: string, version: 4 | 6): string {
  const [address = "", bits = ""] = cidr.split("/");
  const most = version === 4 ? 32 : 128;
  if (isIP(address) !== version || !/^\d{1,3}$/.test(bits) || Number(bits) > most) {
    throw invalidValue(`CIDR block ${cidr} is malformed`);
  }
  return cidr;
}

function ruleKey(rule: NewRule): string {
  return [rule.egress, rule.protocol, rule.fromPort, rule.toPort, peerOf(rule)].join(" ");
}

function peerOf(rule: NewRule): string {
  return rule.cidrIpv4 ?? rule.cidrIpv6 ?? rule.groupId ?? "";
}
