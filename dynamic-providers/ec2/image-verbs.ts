/** Images as a whole: the verbs of {@link Ec2} that find, register and deregister them. */

import {
  DeregisterImageCommand,
  DescribeImagesCommand,
  GetImageBlockPublicAccessStateCommand,
  RegisterImageCommand,
} from "@aws-sdk/client-ec2";
import { toSdkDevice } from "./block-device-mapping.ts";
import { allPages, type Caller, ifThere, presentOnly, tagFilters, toSdkTags } from "./caller.ts";
import type { Ec2 } from "./ec2.ts";
import type { Image, ImageQuery, RegisterRequest } from "./image.ts";
import { readImage } from "./read-answers.ts";

type ImageVerbs = Pick<
  Ec2,
  "describeImages" | "blocksPublicImages" | "registerImage" | "deregisterImage"
>;

export function imageVerbs(caller: Caller): ImageVerbs {
  const { repeat, once } = caller;
  return {
    describeImages: (query) => describeImages(caller, query),

    async blocksPublicImages() {
      const answer = await repeat("GetImageBlockPublicAccessState", [], (ec2) =>
        ec2.send(new GetImageBlockPublicAccessStateCommand({})),
      );
      return answer.ImageBlockPublicAccessState === "block-new-sharing";
    },

    async registerImage(request) {
      const answer = await once("RegisterImage", [request.name], (ec2) =>
        ec2.send(registerCommand(request)),
      );
      return answer.ImageId ?? "";
    },
    deregisterImage: (imageId) =>
      ifThere(
        repeat("DeregisterImage", [imageId], (ec2) =>
          ec2.send(new DeregisterImageCommand({ ImageId: imageId })),
        ),
      ),
  };
}

async function describeImages({ repeat }: Caller, query: ImageQuery): Promise<Image[]> {
  const { imageIds, owner, name, architecture, platform, snapshotId, tags } = query;
  const filters = [
    ...tagFilters(tags),
    ...(name === undefined ? [] : [{ Name: "name", Values: [name] }]),
    ...(architecture === undefined ? [] : [{ Name: "architecture", Values: [architecture] }]),
    ...(platform === undefined ? [] : [{ Name: "platform", Values: [platform] }]),
    ...(snapshotId === undefined
      ? []
      : [{ Name: "block-device-mapping.snapshot-id", Values: [snapshotId] }]),
  ];
  const describe = (ids: string[] | undefined) =>
    allPages(
      (token) =>
        repeat("DescribeImages", ids ?? [name ?? ""], (ec2) =>
          ec2.send(
            new DescribeImagesCommand({
              ...token,
              // A disabled or deprecated image is still an image that we may have to delete.
              IncludeDeprecated: true,
              IncludeDisabled: true,
              ...(ids && { ImageIds: ids }),
              ...(owner !== undefined && { Owners: [owner] }),
              ...(filters.length > 0 && { Filters: filters }),
            }),
          ),
        ),
      (page) => page.Images,
    );
  const found = imageIds ? await presentOnly(imageIds, describe) : await describe(undefined);
  return found.map(readImage);
}

function registerCommand(request: RegisterRequest): RegisterImageCommand {
  return new RegisterImageCommand({
    Name: request.name,
    Description: request.description,
    // Both always: RegisterImage's own defaults are i386 and paravirtual.
    Architecture: request.architecture,
    VirtualizationType: request.virtualizationType,
    RootDeviceName: request.rootDeviceName,
    BootMode: request.bootMode as RegisterImageCommand["input"]["BootMode"],
    TpmSupport: request.tpmSupport as RegisterImageCommand["input"]["TpmSupport"],
    ImdsSupport: request.imdsSupport as RegisterImageCommand["input"]["ImdsSupport"],
    EnaSupport: request.enaSupport,
    SriovNetSupport: request.sriovNetSupport,
    KernelId: request.kernelId,
    RamdiskId: request.ramdiskId,
    UefiData: request.uefiData,
    BlockDeviceMappings: request.blockDevices.map(toSdkDevice),
    TagSpecifications: [{ ResourceType: "image", Tags: toSdkTags(request.tags) }],
  });
}
