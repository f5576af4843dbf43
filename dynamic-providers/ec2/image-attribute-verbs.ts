/** What is read and changed of a registered image by itself: the verbs of {@link Ec2} about that. */

import {
  DescribeImageAttributeCommand,
  DisableImageCommand,
  DisableImageDeprecationCommand,
  DisableImageDeregistrationProtectionCommand,
  EnableImageCommand,
  EnableImageDeprecationCommand,
  EnableImageDeregistrationProtectionCommand,
  ModifyImageAttributeCommand,
  ReplaceImageInstanceTypeSpecificationCommand,
} from "@aws-sdk/client-ec2";
import type { Caller } from "./caller.ts";
import type { Ec2 } from "./ec2.ts";
import { fromSdkPermission, toSdkPermission } from "./sdk-permission.ts";

type ImageAttributeVerbs = Pick<
  Ec2,
  | "launchPermissions"
  | "uefiData"
  | "setImageDescription"
  | "setImageDeprecation"
  | "setImageDisabled"
  | "setDeregistrationProtection"
  | "setInstanceTypes"
  | "changeLaunchPermissions"
>;

export function imageAttributeVerbs({ repeat }: Caller): ImageAttributeVerbs {
  return {
    async launchPermissions(imageId) {
      const answer = await repeat("DescribeImageAttribute", [imageId], (ec2) =>
        ec2.send(
          new DescribeImageAttributeCommand({ ImageId: imageId, Attribute: "launchPermission" }),
        ),
      );
      return (answer.LaunchPermissions ?? []).map(fromSdkPermission);
    },
    async uefiData(imageId) {
      const answer = await repeat("DescribeImageAttribute", [imageId], (ec2) =>
        ec2.send(new DescribeImageAttributeCommand({ ImageId: imageId, Attribute: "uefiData" })),
      );
      return answer.UefiData?.Value || undefined;
    },
    async setImageDescription(imageId, description) {
      const input = { ImageId: imageId, Description: { Value: description } };
      await repeat("ModifyImageAttribute", [imageId], (ec2) =>
        ec2.send(new ModifyImageAttributeCommand(input)),
      );
    },
    async setImageDeprecation(imageId, time) {
      if (time === undefined) {
        await repeat("DisableImageDeprecation", [imageId], (ec2) =>
          ec2.send(new DisableImageDeprecationCommand({ ImageId: imageId })),
        );
        return;
      }
      await repeat("EnableImageDeprecation", [imageId], (ec2) =>
        ec2.send(
          new EnableImageDeprecationCommand({ ImageId: imageId, DeprecateAt: new Date(time) }),
        ),
      );
    },
    async setImageDisabled(imageId, disabled) {
      await repeat(disabled ? "DisableImage" : "EnableImage", [imageId], (ec2) =>
        disabled
          ? ec2.send(new DisableImageCommand({ ImageId: imageId }))
          : ec2.send(new EnableImageCommand({ ImageId: imageId })),
      );
    },
    async setDeregistrationProtection(imageId, protection) {
      if (protection === undefined) {
        await repeat("DisableImageDeregistrationProtection", [imageId], (ec2) =>
          ec2.send(new DisableImageDeregistrationProtectionCommand({ ImageId: imageId })),
        );
        return;
      }
      const WithCooldown = protection === "enabled-with-cooldown";
      await repeat("EnableImageDeregistrationProtection", [imageId], (ec2) =>
        ec2.send(
          new EnableImageDeregistrationProtectionCommand({ ImageId: imageId, WithCooldown }),
        ),
      );
    },
    async setInstanceTypes(imageId, rule) {
      const InstanceTypeSpecification = rule && {
        SupportedInstanceTypes: [...rule.supported],
        UnsupportedInstanceTypes: [...rule.unsupported],
      };
      await repeat("ReplaceImageInstanceTypeSpecification", [imageId], (ec2) =>
        ec2.send(
          new ReplaceImageInstanceTypeSpecificationCommand({
            ImageId: imageId,
            InstanceTypeSpecification,
          }),
        ),
      );
    },
    async changeLaunchPermissions(imageId, { add, remove }) {
      await repeat("ModifyImageAttribute", [imageId], (ec2) =>
        ec2.send(
          new ModifyImageAttributeCommand({
            ImageId: imageId,
            LaunchPermission: {
              Add: add.map(toSdkPermission),
              Remove: remove.map(toSdkPermission),
            },
          }),
        ),
      );
    },
  };
}
