/** Instances, their types, volumes and consoles: the verbs of {@link Ec2} about helpers. */

import {
  type BlockDeviceMapping,
  CreateTagsCommand,
  DeleteTagsCommand,
  DeleteVolumeCommand,
  DescribeInstancesCommand,
  DescribeInstanceTypeOfferingsCommand,
  DescribeInstanceTypesCommand,
  DescribeKeyPairsCommand,
  DescribeVolumesCommand,
  GetConsoleOutputCommand,
  RunInstancesCommand,
  TerminateInstancesCommand,
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
import type { Ec2 } from "./ec2.ts";
import type { Instance, LaunchRequest, LaunchVolume } from "./instance.ts";
import { readInstance, readInstanceType, readVolume } from "./read-answers.ts";
import type { IdOrTagQuery } from "./tags.ts";
import type { Volume } from "./volume.ts";

type MachineVerbs = Pick<
  Ec2,
  | "describeInstances"
  | "describeVolumes"
  | "describeInstanceTypes"
  | "describeOfferings"
  | "hasKeyPair"
  | "consoleOutput"
  | "runInstance"
  | "tryRunInstance"
  | "terminateInstance"
  | "deleteVolume"
  | "setTags"
  | "removeTags"
>;

export function machineVerbs(caller: Caller): MachineVerbs {
  const { repeat, once } = caller;
  return {
    describeInstances: (query) => describeInstances(caller, query),
    describeVolumes: (query) => describeVolumes(caller, query),
    describeInstanceTypes: (names) => describeInstanceTypes(caller, names),
    describeOfferings: (names) => describeOfferings(caller, names),

    async hasKeyPair(name) {
      // By filter: an unknown name is an error otherwise. In it some characters are wildcards.
      const answer = await repeat("DescribeKeyPairs", [name], (ec2) =>
        ec2.send(new DescribeKeyPairsCommand({ Filters: [{ Name: "key-name", Values: [name] }] })),
      );
      return (answer.KeyPairs ?? []).some(({ KeyName }) => KeyName === name);
    },

    async consoleOutput(instanceId) {
      const answer = await repeat("GetConsoleOutput", [instanceId], (ec2) =>
        ec2.send(new GetConsoleOutputCommand({ InstanceId: instanceId, Latest: true })),
      );
      // One character a byte: a console is bytes, and half a UTF-8 sequence must not eat a line.
      return Buffer.from(answer.Output ?? "", "base64").toString("latin1");
    },

    async runInstance(request) {
      const answer = await once("RunInstances", [request.instanceType, request.subnetId], (ec2) =>
        ec2.send(launchCommand(request)),
      );
      return readInstance(answer.Instances?.[0] ?? {});
    },
    tryRunInstance: (request) => {
      const shape = { clientToken: "", securityGroupId: "", userData: new Uint8Array() };
      const { input } = launchCommand({ ...request, ...shape });
      const [network] = input.NetworkInterfaces ?? [];
      const tried = {
        ...input,
        ClientToken: undefined,
        UserData: undefined,
        NetworkInterfaces: [{ ...network, Groups: undefined }],
        DryRun: true,
      };
      return dryRun(
        repeat("RunInstances", [request.instanceType, request.subnetId], (ec2) =>
          ec2.send(new RunInstancesCommand(tried)),
        ),
      );
    },
    terminateInstance: (instanceId) =>
      ifThere(
        repeat("TerminateInstances", [instanceId], (ec2) =>
          ec2.send(new TerminateInstancesCommand({ InstanceIds: [instanceId] })),
        ),
      ),
    deleteVolume: (volumeId) =>
      ifThere(
        repeat("DeleteVolume", [volumeId], (ec2) =>
          ec2.send(new DeleteVolumeCommand({ VolumeId: volumeId })),
        ),
      ),

    async setTags(resourceIds, tags) {
      await repeat("CreateTags", resourceIds, (ec2) =>
        ec2.send(new CreateTagsCommand({ Resources: [...resourceIds], Tags: toSdkTags(tags) })),
      );
    },
    async removeTags(resourceIds, keys) {
      await repeat("DeleteTags", resourceIds, (ec2) =>
        ec2.send(
          new DeleteTagsCommand({
            Resources: [...resourceIds],
            Tags: keys.map((Key) => ({ Key })),
          }),
        ),
      );
    },
  };
}

async function describeInstances({ repeat }: Caller, query: IdOrTagQuery): Promise<Instance[]> {
  const filters = tagFilters(query.tags);
  const describe = (ids: string[] | undefined) =>
    allPages(
      (token) =>
        repeat("DescribeInstances", ids ?? [], (ec2) =>
          ec2.send(
            new DescribeInstancesCommand({
              ...token,
              ...(ids && { InstanceIds: ids }),
              ...(filters.length > 0 && { Filters: filters }),
            }),
          ),
        ),
      (page) => page.Reservations?.flatMap(({ Instances }) => Instances ?? []),
    );
  const found = query.ids ? await presentOnly(query.ids, describe) : await describe(undefined);
  return found.map(readInstance);
}

async function describeVolumes({ repeat }: Caller, query: IdOrTagQuery): Promise<Volume[]> {
  const filters = tagFilters(query.tags);
  const describe = (ids: string[] | undefined) =>
    allPages(
      (token) =>
        repeat("DescribeVolumes", ids ?? [], (ec2) =>
          ec2.send(
            new DescribeVolumesCommand({
              ...token,
              ...(ids && { VolumeIds: ids }),
              ...(filters.length > 0 && { Filters: filters }),
            }),
          ),
        ),
      (page) => page.Volumes,
    );
  const found = query.ids ? await presentOnly(query.ids, describe) : await describe(undefined);
  return found.map(readVolume);
}

async function describeInstanceTypes({ repeat }: Caller, names: readonly string[]) {
  // By filter and not by name: one name unknown to this region would fail the whole call.
  const found = await allPages(
    (token) =>
      repeat("DescribeInstanceTypes", names, (ec2) =>
        ec2.send(
          new DescribeInstanceTypesCommand({
            ...token,
            Filters: [{ Name: "instance-type", Values: [...names] }],
          }),
        ),
      ),
    (page) => page.InstanceTypes,
  );
  return found.map(readInstanceType);
}

async function describeOfferings({ repeat }: Caller, names: readonly string[]) {
  const found = await allPages(
    (token) =>
      repeat("DescribeInstanceTypeOfferings", names, (ec2) =>
        ec2.send(
          new DescribeInstanceTypeOfferingsCommand({
            ...token,
            LocationType: "availability-zone",
            Filters: [{ Name: "instance-type", Values: [...names] }],
          }),
        ),
      ),
    (page) => page.InstanceTypeOfferings,
  );
  return found.map(({ InstanceType, Location }) => ({
    instanceType: InstanceType ?? "",
    zone: Location ?? "",
  }));
}

function launchCommand(request: LaunchRequest): RunInstancesCommand {
  const tags = toSdkTags(request.tags);
  return new RunInstancesCommand({
    ClientToken: request.clientToken,
    ImageId: request.imageId,
    InstanceType: request.instanceType as RunInstancesCommand["input"]["InstanceType"],
    KeyName: request.keyName,
    MinCount: 1,
    MaxCount: 1,
    // Shutting itself down is how a helper without a controller ends, and with it its volumes.
    InstanceInitiatedShutdownBehavior: "terminate",
    MetadataOptions: {
      HttpEndpoint: "enabled",
      HttpTokens: "required",
      HttpPutResponseHopLimit: 1,
      InstanceMetadataTags: "enabled",
    },
    NetworkInterfaces: [
      {
        DeviceIndex: 0,
        SubnetId: request.subnetId,
        Groups: [request.securityGroupId],
        DeleteOnTermination: true,
        AssociatePublicIpAddress: request.publicAddress,
      },
    ],
    BlockDeviceMappings: [
      ...(request.ownDevices ?? []).map((DeviceName) => ({
        ...{ DeviceName, Ebs: { DeleteOnTermination: true } },
      })),
      ...request.volumes.map(toSdkVolume),
    ],
    UserData: Buffer.from(request.userData).toString("base64"),
    TagSpecifications: [
      { ResourceType: "instance", Tags: tags },
      { ResourceType: "volume", Tags: tags },
      { ResourceType: "network-interface", Tags: tags },
    ],
  });
}

function toSdkVolume(volume: LaunchVolume): BlockDeviceMapping {
  return {
    DeviceName: volume.deviceName,
    Ebs: {
      DeleteOnTermination: true,
      SnapshotId: volume.snapshotId,
      VolumeSize: volume.sizeGib,
      VolumeType: volume.volumeType as NonNullable<BlockDeviceMapping["Ebs"]>["VolumeType"],
      Iops: volume.iops,
      Throughput: volume.throughputMibps,
      Encrypted: volume.encrypted,
      KmsKeyId: volume.kmsKeyId,
    },
  };
}
