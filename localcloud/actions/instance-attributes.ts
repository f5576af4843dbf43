/** DescribeInstanceAttribute, ModifyInstanceAttribute. */

import type {
  DescribeInstanceAttributeRequest,
  InstanceAttribute,
  ModifyInstanceAttributeRequest,
} from "@aws-sdk/client-ec2";
import { type Action, type Call, ec2Action, refuseMembers } from "../call.ts";
import { shownProductCodes } from "../catalog/billing.ts";
import { invalidValue, missingParameter } from "../protocol/api-error.ts";
import type { InstanceRecord } from "../records/instance.ts";
import { billingOfInstance, findInstance, volumesOf } from "./instance-lookup.ts";
import { findGroup } from "./security-group-lookup.ts";

export const INSTANCE_ATTRIBUTE_ACTIONS: readonly Action[] = [
  ec2Action<DescribeInstanceAttributeRequest, InstanceAttribute>(
    "DescribeInstanceAttribute",
    ["Attribute", "InstanceId"],
    describeInstanceAttribute,
  ),
  ec2Action<ModifyInstanceAttributeRequest, object>(
    "ModifyInstanceAttribute",
    [
      "BlockDeviceMappings",
      "DisableApiTermination",
      "Groups",
      "InstanceId",
      "InstanceInitiatedShutdownBehavior",
    ],
    modifyInstanceAttribute,
  ),
];

function describeInstanceAttribute(
  input: DescribeInstanceAttributeRequest,
  call: Call,
): InstanceAttribute {
  const instance = findInstance(call, input.InstanceId);
  const { networkInterface: nic } = instance;
  const attribute = input.Attribute ?? "";
  const shown: Readonly<Record<string, () => Omit<InstanceAttribute, "InstanceId">>> = {
    blockDeviceMapping: () => ({
      BlockDeviceMappings: volumesOf(call, instance).map((volume) => ({
        DeviceName: volume.attachment?.device,
        Ebs: {
          VolumeId: volume.id,
          Status: volume.attachment?.state.at(call.nowMs),
          AttachTime: volume.attachment?.attachedAt,
          DeleteOnTermination: volume.attachment?.deleteOnTermination,
        },
      })),
    }),
    disableApiTermination: () => ({
      DisableApiTermination: { Value: instance.terminationProtected },
    }),
    ebsOptimized: () => ({ EbsOptimized: { Value: instance.ebsOptimized } }),
    enaSupport: () => ({ EnaSupport: { Value: instance.imageFacts.enaSupport } }),
    groupSet: () => ({
      Groups: nic.groupIds.map((GroupId) => ({
        GroupId,
        GroupName: call.store.groups.get(GroupId)?.name,
      })),
    }),
    instanceInitiatedShutdownBehavior: () => ({
      InstanceInitiatedShutdownBehavior: { Value: instance.shutdownBehavior },
    }),
    instanceType: () => ({ InstanceType: { Value: instance.type.name } }),
    productCodes: () => ({
      ProductCodes: shownProductCodes(billingOfInstance(call, instance)),
    }),
    rootDeviceName: () => ({ RootDeviceName: { Value: instance.imageRootDeviceName } }),
    sourceDestCheck: () => ({ SourceDestCheck: { Value: true } }),
    userData: () => ({
      UserData:
        instance.userData.length === 0 ? {} : { Value: instance.userData.toString("base64") },
    }),
  };
  const read = Object.hasOwn(shown, attribute) ? shown[attribute] : undefined;
  if (read === undefined) {
    throw invalidValue(`Value (${attribute}) for parameter attribute is invalid.`);
  }
  return { InstanceId: instance.id, ...read() };
}

function modifyInstanceAttribute(input: ModifyInstanceAttributeRequest, call: Call): object {
  const instance = findInstance(call, input.InstanceId);
  const changes = [
    ...planDevices(input, call, instance),
    ...planBehavior(input, instance),
    ...planGroups(input, call, instance),
  ];
  if (changes.length === 0) throw missingParameter("attribute");
  call.commit();
  for (const change of changes) change();
  return {};
}

function planDevices(
  input: ModifyInstanceAttributeRequest,
  call: Call,
  instance: InstanceRecord,
): (() => void)[] {
  return (input.BlockDeviceMappings ?? []).map(({ DeviceName: device, Ebs: ebs }) => {
    refuseMembers(ebs, ["DeleteOnTermination", "VolumeId"], "BlockDeviceMapping.Ebs");
    const volume = volumesOf(call, instance).find((one) => one.attachment?.device === device);
    if (volume === undefined) {
      throw invalidValue(`No device is currently mapped at ${device}`);
    }
    return () => {
      if (volume.attachment === undefined || ebs?.DeleteOnTermination === undefined) return;
      volume.attachment.deleteOnTermination = ebs.DeleteOnTermination;
    };
  });
}

function planBehavior(
  input: ModifyInstanceAttributeRequest,
  instance: InstanceRecord,
): (() => void)[] {
  const changes: (() => void)[] = [];
  const behavior = input.InstanceInitiatedShutdownBehavior?.Value;
  if (behavior !== undefined) {
    if (behavior !== "stop" && behavior !== "terminate") {
      throw invalidValue(
        `Value (${behavior}) for parameter instanceInitiatedShutdownBehavior is invalid.`,
      );
    }
    changes.push(() => {
      instance.shutdownBehavior = behavior;
    });
  }
  const guarded = input.DisableApiTermination?.Value;
  if (guarded !== undefined) {
    changes.push(() => {
      instance.terminationProtected = guarded;
    });
  }
  return changes;
}

function planGroups(
  input: ModifyInstanceAttributeRequest,
  call: Call,
  instance: InstanceRecord,
): (() => void)[] {
  if (input.Groups === undefined) return [];
  const groupIds = input.Groups.map((GroupId) => findGroup(call, { GroupId }).id);
  return [
    () => {
      instance.networkInterface.groupIds = groupIds;
    },
  ];
}
