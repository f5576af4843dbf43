import assert from "node:assert/strict";
import { test } from "node:test";
import {
  AuthorizeSecurityGroupEgressCommand,
  AuthorizeSecurityGroupIngressCommand,
  CreateSecurityGroupCommand,
  DeleteSecurityGroupCommand,
  DescribeSecurityGroupRulesCommand,
  DescribeSecurityGroupsCommand,
  type IpPermission,
  RevokeSecurityGroupEgressCommand,
  RevokeSecurityGroupIngressCommand,
  TerminateInstancesCommand,
} from "@aws-sdk/client-ec2";
import { instanceState, launch, openConformanceCloud, refusal } from "./conformance-cloud.ts";

const cloud = await openConformanceCloud();
const ec2 = cloud.ec2();

const udp = (CidrIp: string, port = 46_224): IpPermission => ({
  IpProtocol: "udp",
  FromPort: port,
  ToPort: port,
  IpRanges: [{ CidrIp, Description: "peer" }],
});
const everywhere: IpPermission = { IpProtocol: "-1", IpRanges: [{ CidrIp: "0.0.0.0/0" }] };

async function make(GroupName: string, Description = "a group"): Promise<string> {
  const made = await ec2.send(new CreateSecurityGroupCommand({ GroupName, Description }));
  return made.GroupId ?? "";
}

async function describe(id: string) {
  const ids = new DescribeSecurityGroupsCommand({ GroupIds: [id] });
  return (await ec2.send(ids)).SecurityGroups?.[0];
}

// DESIGN.md section 3, the fence: names are EC2's compare-and-set
test("a name is taken once in a VPC, whoever is faster", async () => {
  const made = await Promise.allSettled([1, 2, 3].map(() => make("amicopy-run-1")));
  assert.equal(made.filter((one) => one.status === "fulfilled").length, 1);
  assert.equal(await refusal(make("amicopy-run-1")), "InvalidGroup.Duplicate");
  const other = cloud.ec2("aws-2");
  await other.send(
    new CreateSecurityGroupCommand({ GroupName: "amicopy-run-1", Description: "theirs" }),
  );
});

// moto CreateSecurityGroup: description not checked, arn:aws everywhere
test("names and descriptions are checked, and the ARN is of the partition", async () => {
  assert.equal(await refusal(make("sg-mine")), "InvalidParameterValue");
  assert.equal(await refusal(make("described", "<script>")), "InvalidParameterValue");
  assert.equal(await refusal(make("x".repeat(256))), "InvalidParameterValue");
  const gov = cloud.ec2("aws-us-gov-1", "us-gov-west-1");
  const { SecurityGroupArn: arn } = await gov.send(
    new CreateSecurityGroupCommand({
      GroupName: "tagged",
      Description: "d",
      TagSpecifications: [{ ResourceType: "security-group", Tags: [{ Key: "a", Value: "b" }] }],
    }),
  );
  assert.match(arn ?? "", /^arn:aws-us-gov:ec2:us-gov-west-1:200000000001:security-group\/sg-/);
});

// moto: born with one egress rule, closing it works
test("a group is born with all egress and no ingress, and can be closed", async () => {
  const GroupId = await make("closing");
  const born = await describe(GroupId);
  assert.deepEqual(born?.IpPermissions, []);
  assert.equal(born?.IpPermissionsEgress?.[0]?.IpRanges?.[0]?.CidrIp, "0.0.0.0/0");
  const revoke = { GroupId, IpPermissions: [everywhere] };
  await ec2.send(new RevokeSecurityGroupEgressCommand(revoke));
  assert.deepEqual((await describe(GroupId))?.IpPermissionsEgress, []);
  const again = ec2.send(new RevokeSecurityGroupEgressCommand(revoke));
  assert.equal(await refusal(again), "InvalidPermission.NotFound");
});

// [SDK AuthorizeSecurityGroupIngress], [errors-overview]
test("rules are added once, shown with their ids, and removed by value or id", async () => {
  const GroupId = await make("rules");
  const allow = (permission: IpPermission) =>
    ec2.send(
      new AuthorizeSecurityGroupIngressCommand({
        GroupId,
        IpPermissions: [permission],
        TagSpecifications: [
          { ResourceType: "security-group-rule", Tags: [{ Key: "a", Value: "b" }] },
        ],
      }),
    );
  const { SecurityGroupRules: [rule] = [] } = await allow(udp("192.0.2.1/32"));
  assert.equal(rule?.CidrIpv4, "192.0.2.1/32");
  assert.deepEqual(rule?.Tags, [{ Key: "a", Value: "b" }]);
  assert.equal(await refusal(allow(udp("192.0.2.1/32"))), "InvalidPermission.Duplicate");
  assert.equal(await refusal(allow(udp("192.0.2.1"))), "InvalidParameterValue");
  assert.equal(await refusal(allow(udp("192.0.2.1/33"))), "InvalidParameterValue");
  assert.equal(await refusal(allow(udp("192.0.2.1/32", 70_000))), "InvalidParameterValue");
  await allow(udp("192.0.2.2/32"));
  const [shown] = (await describe(GroupId))?.IpPermissions ?? [];
  assert.deepEqual(shown?.IpRanges, [
    { CidrIp: "192.0.2.1/32", Description: "peer" },
    { CidrIp: "192.0.2.2/32", Description: "peer" },
  ]);
  const rules = new DescribeSecurityGroupRulesCommand({
    Filters: [{ Name: "group-id", Values: [GroupId] }],
  });
  assert.equal((await ec2.send(rules)).SecurityGroupRules?.length, 3);
  await ec2.send(
    new RevokeSecurityGroupIngressCommand({
      GroupId,
      SecurityGroupRuleIds: [rule?.SecurityGroupRuleId ?? ""],
    }),
  );
  await ec2.send(
    new RevokeSecurityGroupIngressCommand({ GroupId, IpPermissions: [udp("192.0.2.2/32")] }),
  );
  assert.deepEqual((await describe(GroupId))?.IpPermissions, []);
});

// [errors-overview] DependencyViolation; moto DeleteSecurityGroup: deleted while in use
test("a group in use by an instance or another group's rule cannot be deleted", async () => {
  const used = await make("used");
  const peer = await make("peer");
  const remove = (GroupId: string) => ec2.send(new DeleteSecurityGroupCommand({ GroupId }));
  const { InstanceId: id = "" } = await launch(ec2, { SecurityGroupIds: [used] });
  assert.equal(await refusal(remove(used)), "DependencyViolation");
  await ec2.send(new TerminateInstancesCommand({ InstanceIds: [id] }));
  assert.equal(await refusal(remove(used)), "DependencyViolation");
  await instanceState(ec2, id, "terminated");
  await ec2.send(
    new AuthorizeSecurityGroupEgressCommand({
      GroupId: peer,
      IpPermissions: [
        {
          IpProtocol: "tcp",
          FromPort: 1,
          ToPort: 2,
          UserIdGroupPairs: [{ GroupId: used }],
        },
      ],
    }),
  );
  assert.equal(await refusal(remove(used)), "DependencyViolation");
  await remove(peer);
  await remove(used);
  assert.equal(await refusal(remove(used)), "InvalidGroup.NotFound");
  assert.equal(await refusal(remove("sg-zzz")), "InvalidGroupId.Malformed");
});

// [errors-overview] CannotDelete
test("the default group cannot be deleted", async () => {
  const call = ec2.send(new DeleteSecurityGroupCommand({ GroupName: "default" }));
  assert.equal(await refusal(call), "CannotDelete");
});

// [SDK IpPermission]; hashicorp/terraform#13015
test("there are 256 protocols, and as many types and codes of ICMP", async () => {
  const GroupId = await make("numbers");
  const allow = (IpProtocol: string, FromPort?: number, ToPort?: number) => {
    const IpPermissions = [{ ...everywhere, IpProtocol, FromPort, ToPort }];
    return ec2.send(new AuthorizeSecurityGroupIngressCommand({ GroupId, IpPermissions }));
  };
  for (const protocol of ["256", "999", "099"]) {
    assert.equal(await refusal(allow(protocol)), "InvalidParameterValue", protocol);
  }
  for (const [type, code] of [
    [256, -1],
    [8, 65_535],
    [-2, -1],
  ]) {
    assert.equal(await refusal(allow("icmp", type, code)), "InvalidParameterValue");
    assert.equal(await refusal(allow("icmpv6", type, code)), "InvalidParameterValue");
  }
  await allow("255");
  await allow("icmp", 255, 255);
  await allow("icmp", -1, -1);
});

// Its address may be somebody else's by then.
test("a rule about a group admits who is in it, and not who was", async () => {
  const GroupId = await make("members");
  const IpPermissions = [{ IpProtocol: "-1", UserIdGroupPairs: [{ GroupId }] }];
  await ec2.send(new AuthorizeSecurityGroupIngressCommand({ GroupId, IpPermissions }));
  const [stays, goes] = [
    await launch(ec2, { SecurityGroupIds: [GroupId] }),
    await launch(ec2, { SecurityGroupIds: [GroupId] }),
  ];
  const [id = "", gone = ""] = [stays.InstanceId, goes.InstanceId];
  for (const one of [id, gone]) await instanceState(ec2, one, "running");
  const admitted = () => {
    const rules = cloud.machinery.machines.get(id)?.spec.rules() ?? [];
    return rules.filter(({ egress }) => !egress).flatMap(({ cidrs }) => cidrs);
  };
  assert.deepEqual(admitted(), [stays.PrivateIpAddress, goes.PrivateIpAddress]);
  await ec2.send(new TerminateInstancesCommand({ InstanceIds: [gone] }));
  await instanceState(ec2, gone, "terminated");
  assert.deepEqual(admitted(), [stays.PrivateIpAddress]);
  await ec2.send(new TerminateInstancesCommand({ InstanceIds: [id] }));
});
