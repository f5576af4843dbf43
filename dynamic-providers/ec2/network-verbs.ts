/** Subnets and security groups: the verbs of {@link Ec2} about the network. */

import {
  AuthorizeSecurityGroupEgressCommand,
  AuthorizeSecurityGroupIngressCommand,
  CreateSecurityGroupCommand,
  DeleteSecurityGroupCommand,
  DescribeNatGatewaysCommand,
  DescribeRouteTablesCommand,
  DescribeSecurityGroupsCommand,
  DescribeSubnetsCommand,
  RevokeSecurityGroupEgressCommand,
  RevokeSecurityGroupIngressCommand,
} from "@aws-sdk/client-ec2";
import {
  allPages,
  type Caller,
  dryRun,
  ifThere,
  presentOnly,
  tagFilters,
  toSdkTags,
} from "./caller.ts";
import { isCloudError } from "./cloud-error.ts";
import type { Ec2 } from "./ec2.ts";
import type { GroupRequest, Rule, SecurityGroup } from "./network.ts";
import { readNatGateway, readRouteTable, readSecurityGroup, readSubnet } from "./read-answers.ts";

type NetworkVerbs = Pick<
  Ec2,
  | "describeSubnets"
  | "describeRouteTables"
  | "describeNatGateways"
  | "describeSecurityGroups"
  | "createSecurityGroup"
  | "tryCreateSecurityGroup"
  | "deleteSecurityGroup"
  | "allow"
  | "revoke"
  | "closeSecurityGroup"
>;

export function networkVerbs(caller: Caller): NetworkVerbs {
  const { repeat, once } = caller;
  return {
    async describeSubnets({ subnetIds, defaults }) {
      const describe = (ids: string[] | undefined) =>
        allPages(
          (token) =>
            repeat("DescribeSubnets", ids ?? [], (ec2) =>
              ec2.send(
                new DescribeSubnetsCommand({
                  ...token,
                  ...(ids && { SubnetIds: ids }),
                  ...(defaults && { Filters: [{ Name: "default-for-az", Values: ["true"] }] }),
                }),
              ),
            ),
          (page) => page.Subnets,
        );
      const found = subnetIds ? await presentOnly(subnetIds, describe) : await describe(undefined);
      return found.map(readSubnet);
    },
    async describeRouteTables(vpcId) {
      const Filters = [{ Name: "vpc-id", Values: [vpcId] }];
      const found = await allPages(
        (token) =>
          repeat("DescribeRouteTables", [vpcId], (ec2) =>
            ec2.send(new DescribeRouteTablesCommand({ ...token, Filters })),
          ),
        (page) => page.RouteTables,
      );
      return found.map(readRouteTable);
    },
    async describeNatGateways(ids) {
      const found = await presentOnly(ids, async (NatGatewayIds) => {
        const answer = await repeat("DescribeNatGateways", ids, (ec2) =>
          ec2.send(new DescribeNatGatewaysCommand({ NatGatewayIds })),
        );
        return answer.NatGateways ?? [];
      });
      return found.map(readNatGateway);
    },
    describeSecurityGroups: (query) => describeSecurityGroups(caller, query),

    async createSecurityGroup(request) {
      const { name, vpcId } = request;
      const answer = await once("CreateSecurityGroup", [name, vpcId], (ec2) =>
        ec2.send(new CreateSecurityGroupCommand(groupInput(request))),
      );
      return answer.GroupId ?? "";
    },
    tryCreateSecurityGroup: (request) =>
      dryRun(
        repeat("CreateSecurityGroup", [request.name, request.vpcId], (ec2) =>
          ec2.send(new CreateSecurityGroupCommand({ ...groupInput(request), DryRun: true })),
        ),
      ),
    deleteSecurityGroup: (groupId) =>
      ifThere(
        repeat("DeleteSecurityGroup", [groupId], (ec2) =>
          ec2.send(new DeleteSecurityGroupCommand({ GroupId: groupId })),
        ),
      ),

    // Rule by rule: of several, one that is there already would keep the others out.
    async allow(groupId, direction, rules) {
      for (const rule of rules)
        await unless("duplicate", allowOne(caller, groupId, direction, rule));
    },
    async revoke(groupId, direction, rules) {
      for (const rule of rules) {
        await unless("not-found", revokeOne(caller, groupId, direction, rule));
      }
    },
    closeSecurityGroup: (groupId) => closeSecurityGroup(caller, groupId),
  };
}

function groupInput({ name, description, vpcId, tags }: GroupRequest) {
  const ResourceType = "security-group" as const;
  return {
    GroupName: name,
    Description: description,
    VpcId: vpcId,
    TagSpecifications: [{ ResourceType, Tags: toSdkTags(tags) }],
  };
}

async function describeSecurityGroups(
  { repeat }: Caller,
  query: Parameters<Ec2["describeSecurityGroups"]>[0],
): Promise<SecurityGroup[]> {
  const filters = [
    ...tagFilters(query.tags),
    ...(query.name === undefined ? [] : [{ Name: "group-name", Values: [query.name] }]),
  ];
  const describe = (ids: string[] | undefined) =>
    allPages(
      (token) =>
        repeat("DescribeSecurityGroups", ids ?? [], (ec2) =>
          ec2.send(
            new DescribeSecurityGroupsCommand({
              ...token,
              ...(ids && { GroupIds: ids }),
              ...(filters.length > 0 && { Filters: filters }),
            }),
          ),
        ),
      (page) => page.SecurityGroups,
    );
  const found = query.ids ? await presentOnly(query.ids, describe) : await describe(undefined);
  return found.map(readSecurityGroup);
}

/** As it stands in EC2, so that it does not matter who has opened it and for what. */
async function closeSecurityGroup({ repeat }: Caller, groupId: string): Promise<void> {
  const answer = await repeat("DescribeSecurityGroups", [groupId], (ec2) =>
    ec2.send(new DescribeSecurityGroupsCommand({ GroupIds: [groupId] })),
  );
  const { IpPermissions: ingress = [], IpPermissionsEgress: egress = [] } =
    answer.SecurityGroups?.[0] ?? {};
  if (ingress.length > 0) {
    const input = { GroupId: groupId, IpPermissions: ingress };
    await unless(
      "not-found",
      repeat("RevokeSecurityGroupIngress", [groupId], (ec2) =>
        ec2.send(new RevokeSecurityGroupIngressCommand(input)),
      ),
    );
  }
  if (egress.length === 0) return;
  const input = { GroupId: groupId, IpPermissions: egress };
  await unless(
    "not-found",
    repeat("RevokeSecurityGroupEgress", [groupId], (ec2) =>
      ec2.send(new RevokeSecurityGroupEgressCommand(input)),
    ),
  );
}

function allowOne({ repeat }: Caller, groupId: string, direction: string, rule: Rule) {
  const input = { GroupId: groupId, IpPermissions: [toPermission(rule)] };
  return direction === "ingress"
    ? repeat("AuthorizeSecurityGroupIngress", [groupId], (ec2) =>
        ec2.send(new AuthorizeSecurityGroupIngressCommand(input)),
      )
    : repeat("AuthorizeSecurityGroupEgress", [groupId], (ec2) =>
        ec2.send(new AuthorizeSecurityGroupEgressCommand(input)),
      );
}

function revokeOne({ repeat }: Caller, groupId: string, direction: string, rule: Rule) {
  const input = { GroupId: groupId, IpPermissions: [toPermission(rule)] };
  return direction === "ingress"
    ? repeat("RevokeSecurityGroupIngress", [groupId], (ec2) =>
        ec2.send(new RevokeSecurityGroupIngressCommand(input)),
      )
    : repeat("RevokeSecurityGroupEgress", [groupId], (ec2) =>
        ec2.send(new RevokeSecurityGroupEgressCommand(input)),
      );
}

function toPermission({ protocol, port, cidr }: Rule) {
  return {
    IpProtocol: protocol,
    ...(port !== undefined && { FromPort: port, ToPort: port }),
    ...(cidr.includes(":")
      ? { Ipv6Ranges: [{ CidrIpv6: cidr }] }
      : { IpRanges: [{ CidrIp: cidr }] }),
  };
}

async function unless(kind: "duplicate" | "not-found", change: Promise<unknown>): Promise<void> {
  try {
    await change;
  } catch (error) {
    // A missing *group* is an error; only a missing rule (InvalidPermission.NotFound) is fine.
    if (isCloudError(error, kind) && error.code.startsWith("InvalidPermission.")) return;
    throw error;
  }
}
