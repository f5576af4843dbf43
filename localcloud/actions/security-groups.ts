/** CreateSecurityGroup, DeleteSecurityGroup. */

import type {
  CreateSecurityGroupRequest,
  CreateSecurityGroupResult,
  DeleteSecurityGroupRequest,
  DeleteSecurityGroupResult,
} from "@aws-sdk/client-ec2";
import { type Action, type Call, ec2Action } from "../call.ts";
import { newId } from "../ids.ts";
import { ApiError, invalidValue } from "../protocol/api-error.ts";
import type { GroupRuleRecord } from "../records/security-group.ts";
import type { Store } from "../store.ts";
import { readTagSpecifications, tagList } from "../tags.ts";
import { findOne } from "./find-named.ts";
import { findGroup } from "./security-group-lookup.ts";

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
  if (id !== undefined) return findOne("vpc", store.vpcs, id).id;
  const vpc = [...store.vpcs.values()].find((one) => one.isDefault);
  if (vpc === undefined) throw new ApiError("VPCIdNotSpecified", "No default VPC for this user");
  return vpc.id;
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
