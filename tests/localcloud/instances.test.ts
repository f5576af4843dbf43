import assert from "node:assert/strict";
import { test } from "node:test";
import {
  CreateTagsCommand,
  DescribeInstanceAttributeCommand,
  DescribeInstanceStatusCommand,
  DescribeInstancesCommand,
  DescribeNetworkInterfacesCommand,
  DescribeSubnetsCommand,
  DescribeVolumesCommand,
  GetConsoleOutputCommand,
  ModifyInstanceAttributeCommand,
  RunInstancesCommand,
  type RunInstancesRequest,
  StartInstancesCommand,
  StopInstancesCommand,
  TerminateInstancesCommand,
} from "@aws-sdk/client-ec2";
import {
  completedSnapshot,
  instanceState,
  launch,
  newestHelperImage,
  openConformanceCloud,
  refusal,
  registeredImage,
  until,
} from "./conformance-cloud.ts";

const cloud = await openConformanceCloud({ instancePending: 30 });
const ec2 = cloud.ec2();

const terminate = (id: string) => ec2.send(new TerminateInstancesCommand({ InstanceIds: [id] }));

async function volumesOf(id: string) {
  const Filters = [{ Name: "attachment.instance-id", Values: [id] }];
  const { Volumes: volumes = [] } = await ec2.send(new DescribeVolumesCommand({ Filters }));
  return volumes;
}

// moto RunInstances: pending only in the answer; volume Iops and tags lost
test("one call launches an instance with its volumes and all their tags", async () => {
  const snapshotId = await completedSnapshot(ec2);
  const tags = [{ Key: "amicopy:run", Value: "0123456789abcdef" }];
  const made = await launch(ec2, {
    UserData: Buffer.from("#!/bin/sh\n").toString("base64"),
    InstanceInitiatedShutdownBehavior: "terminate",
    MetadataOptions: { HttpTokens: "required", InstanceMetadataTags: "enabled" },
    NetworkInterfaces: [{ DeviceIndex: 0, AssociatePublicIpAddress: true }],
    BlockDeviceMappings: [
      { DeviceName: "/dev/sdf", Ebs: { SnapshotId: snapshotId, DeleteOnTermination: true } },
      {
        DeviceName: "/dev/sdg",
        Ebs: { VolumeSize: 8, VolumeType: "gp3", Iops: 4000, Throughput: 500, Encrypted: true },
      },
    ],
    TagSpecifications: ["instance", "volume", "network-interface"].map((type) => ({
      ResourceType: type as "instance",
      Tags: tags,
    })),
  });
  const id = made.InstanceId ?? "";
  assert.equal(made.State?.Name, "pending");
  const running = await instanceState(ec2, id, "running");
  assert.deepEqual(running.Tags, tags);
  assert.equal(running.PublicIpAddress, running.PrivateIpAddress);
  assert.match(running.PrivateIpAddress ?? "", /^127\./);
  const volumes = new Map((await volumesOf(id)).map((one) => [one.Attachments?.[0]?.Device, one]));
  assert.deepEqual([...volumes.keys()].sort(), ["/dev/sdf", "/dev/sdg", "/dev/xvda"]);
  assert.equal(volumes.get("/dev/sdf")?.SnapshotId, snapshotId);
  assert.equal(volumes.get("/dev/sdf")?.Attachments?.[0]?.DeleteOnTermination, true);
  const blank = volumes.get("/dev/sdg");
  assert.deepEqual([blank?.Iops, blank?.Throughput, blank?.Encrypted], [4000, 500, true]);
  assert.equal(blank?.Attachments?.[0]?.DeleteOnTermination, false);
  for (const volume of volumes.values()) assert.deepEqual(volume.Tags, tags);
  const nic = running.NetworkInterfaces?.[0]?.NetworkInterfaceId ?? "";
  const nics = new DescribeNetworkInterfacesCommand({ NetworkInterfaceIds: [nic] });
  assert.deepEqual((await ec2.send(nics)).NetworkInterfaces?.[0]?.TagSet, tags);
  const { spec } = cloud.machinery.machines.get(id) ?? {};
  assert.equal(spec?.userData.toString(), "#!/bin/sh\n");
  assert.deepEqual(spec?.metadata().tags, { "amicopy:run": "0123456789abcdef" });
  await terminate(id);
  await instanceState(ec2, id, "terminated");
  // What is not deleted on termination stays.
  await until(async () => (await volumesOf(id)).length === 0);
  const left = new DescribeVolumesCommand({ VolumeIds: [blank?.VolumeId ?? ""] });
  assert.equal((await ec2.send(left)).Volumes?.[0]?.State, "available");
});

// [SDK RunInstancesRequest.ClientToken], [errors-overview]
test("a client token launches once, and not again what has been terminated", async () => {
  const request: RunInstancesRequest = {
    ImageId: await newestHelperImage(ec2),
    InstanceType: "c7g.large",
    MinCount: 1,
    MaxCount: 1,
    ClientToken: "once",
  };
  const run = async (change: Partial<RunInstancesRequest> = {}) => {
    const answer = await ec2.send(new RunInstancesCommand({ ...request, ...change }));
    return answer.Instances?.[0]?.InstanceId ?? "";
  };
  const ids = await Promise.all([run(), run(), run()]);
  assert.equal(new Set(ids).size, 1);
  assert.equal(await refusal(run({ InstanceType: "c8g.large" })), "IdempotentParameterMismatch");
  const [id = ""] = ids;
  await terminate(id);
  await instanceState(ec2, id, "terminated");
  assert.equal(await refusal(run()), "IdempotentInstanceTerminated");
});

// [errors-overview], moto RunInstances: everything was accepted
test("a launch that cannot work is refused before anything is made", async () => {
  const x86 = await newestHelperImage(ec2, "x86_64");
  const paravirtual = await registeredImage(ec2, {
    VirtualizationType: "paravirtual",
    Architecture: "x86_64",
    EnaSupport: false,
  });
  const withoutEna = await registeredImage(ec2, { EnaSupport: false });
  const code = (request: Partial<RunInstancesRequest>) => refusal(launch(ec2, request));
  const disk = (Ebs: object, DeviceName = "/dev/sdf") => ({
    BlockDeviceMappings: [{ DeviceName, Ebs }],
  });
  const before = (await ec2.send(new DescribeInstancesCommand({}))).Reservations?.length;
  assert.equal(await code({ ImageId: "ami-0123456789abcdef0" }), "InvalidAMIID.NotFound");
  assert.equal(await code({ ImageId: "ami-nonsense" }), "InvalidAMIID.Malformed");
  assert.equal(await code({ InstanceType: "c7g.huge" as "c7g.large" }), "InvalidParameterValue");
  assert.equal(await code({ ImageId: x86 }), "InvalidParameterValue");
  assert.equal(
    await code({ ImageId: paravirtual, InstanceType: "c7i.large" }),
    "InvalidParameterCombination",
  );
  assert.equal(await code({ ImageId: withoutEna }), "InvalidParameterCombination");
  assert.equal(await code({ SubnetId: "subnet-0123456789abcdef0" }), "InvalidSubnetID.NotFound");
  assert.equal(await code({ SecurityGroupIds: ["sg-0123456789abcdef0"] }), "InvalidGroup.NotFound");
  assert.equal(await code({ KeyName: "mine" }), "InvalidKeyPair.NotFound");
  assert.equal(await code(disk({ VolumeSize: 1 }, "/dev/tty")), "InvalidParameterValue");
  assert.equal(
    await code(disk({ SnapshotId: "snap-0123456789abcdef0" })),
    "InvalidSnapshot.NotFound",
  );
  assert.equal(await code(disk({ VolumeSize: 4 }, "/dev/xvda")), "InvalidParameterValue");
  assert.equal(
    await code(disk({ SnapshotId: await completedSnapshot(ec2) }, "/dev/xvda")),
    "InvalidBlockDeviceMapping",
  );
  assert.equal(await code({ MinCount: 2, MaxCount: 1 }), "InvalidParameterValue");
  const { length } = (await ec2.send(new DescribeInstancesCommand({}))).Reservations ?? [];
  assert.equal(length, before);
});

// [UG user-data]: 16 KB raw, before base64
test("user data is base64 of at most 16384 bytes", async () => {
  const data = (bytes: number) => ({ UserData: Buffer.alloc(bytes, "#").toString("base64") });
  const { InstanceId: id = "" } = await launch(ec2, data(16_384));
  const kept = await ec2.send(
    new DescribeInstanceAttributeCommand({ InstanceId: id, Attribute: "userData" }),
  );
  assert.equal(kept.UserData?.Value, data(16_384).UserData);
  assert.equal(await refusal(launch(ec2, data(16_385))), "InvalidParameterValue");
  assert.equal(await refusal(launch(ec2, { UserData: "#!/bin/sh" })), "InvalidUserData.Malformed");
  await terminate(id);
});

// DESIGN.md section 4; the metadata service shows tags as paths
test("with tags in the metadata every key must be fit for a path, then and later", async () => {
  const request = (Key: string): Partial<RunInstancesRequest> => ({
    MetadataOptions: { InstanceMetadataTags: "enabled" },
    TagSpecifications: [{ ResourceType: "instance", Tags: [{ Key, Value: "v" }] }],
  });
  for (const key of ["a b", "a/b", "ä", "_index", ".."]) {
    assert.equal(await refusal(launch(ec2, request(key))), "InvalidParameterValue", key);
  }
  const { InstanceId: id = "" } = await launch(ec2, request("a-b+c=d.e,f_g:h@i"));
  const tag = (Key: string) =>
    ec2.send(new CreateTagsCommand({ Resources: [id], Tags: [{ Key, Value: "v" }] }));
  assert.equal(await refusal(tag("a/b")), "InvalidParameterValue");
  await tag("fine");
  await instanceState(ec2, id, "running");
  const tags = cloud.machinery.machines.get(id)?.spec.metadata().tags;
  assert.deepEqual(Object.keys(tags ?? {}).sort(), ["a-b+c=d.e,f_g:h@i", "fine"]);
  await terminate(id);
});

// [SDK EbsInfo.MaximumEbsAttachments], [errors-overview] AttachmentLimitExceeded
test("more volumes than the type can have are refused", async () => {
  const letters = [..."bcdefghijklmnopqrstuvwxyz"].map((letter) => `/dev/sd${letter}`);
  const more = ["/dev/xvdba", "/dev/xvdbb"];
  const BlockDeviceMappings = [...letters, ...more].map((DeviceName) => ({
    DeviceName,
    Ebs: { VolumeSize: 1 },
  }));
  const call = launch(ec2, { BlockDeviceMappings });
  assert.equal(await refusal(call), "AttachmentLimitExceeded");
});

// [SDK RunInstances]; the two forms of the network do not mix
test("network interfaces and an instance-level subnet or groups exclude each other", async () => {
  const { Subnets: [subnet] = [] } = await ec2.send(new DescribeSubnetsCommand({}));
  const SubnetId = subnet?.SubnetId ?? "";
  const NetworkInterfaces = [{ DeviceIndex: 0 }];
  const code = (request: object) => refusal(launch(ec2, { NetworkInterfaces, ...request }));
  assert.equal(await code({ SubnetId }), "InvalidParameterCombination");
  assert.equal(await code({ SecurityGroupIds: ["sg-1"] }), "InvalidParameterCombination");
  const { InstanceId: id = "", PublicIpAddress: address } = await launch(ec2, {
    NetworkInterfaces: [{ DeviceIndex: 0, SubnetId, AssociatePublicIpAddress: false }],
  });
  assert.equal(address, undefined);
  await terminate(id);
});

// [errors-overview] Unsupported: offerings differ by zone
test("a type goes to a zone that has it, and is refused where it is not", async () => {
  const { InstanceId: id = "", Placement: place } = await launch(ec2, {
    InstanceType: "c8gb.large",
  });
  assert.equal(place?.AvailabilityZone, "us-east-1b");
  await terminate(id);
  const call = launch(ec2, {
    InstanceType: "c8gb.large",
    Placement: { AvailabilityZone: "us-east-1a" },
  });
  await assert.rejects(call, { name: "Unsupported", message: /choosing us-east-1b/ });
  const gov = cloud.ec2("aws-us-gov-1", "us-gov-west-1");
  assert.equal(await refusal(launch(gov, { InstanceType: "c8gb.large" })), "Unsupported");
});

// [SDK InstanceInitiatedShutdownBehavior]: default stop
test("an instance that shuts itself down is stopped, or terminated when so launched", async () => {
  const stopping = await launch(ec2);
  const ending = await launch(ec2, { InstanceInitiatedShutdownBehavior: "terminate" });
  for (const [{ InstanceId: id = "" }, state] of [
    [stopping, "stopped"],
    [ending, "terminated"],
  ] as const) {
    await instanceState(ec2, id, "running");
    cloud.machinery.machines.get(id)?.shutDown();
    const { StateReason: reason } = await instanceState(ec2, id, state);
    assert.equal(reason?.Code, "Client.InstanceInitiatedShutdown");
    assert.equal(cloud.machinery.machines.get(id)?.stopped, true);
  }
  await terminate(stopping.InstanceId ?? "");
});

// moto TerminateInstances: a second call failed
test("terminating twice is no error, and during the boot it ends the boot", async () => {
  const { InstanceId: id = "" } = await launch(ec2);
  const { TerminatingInstances: [change] = [] } = await terminate(id);
  assert.equal(change?.PreviousState?.Name, "pending");
  assert.equal(change?.CurrentState?.Name, "shutting-down");
  await terminate(id);
  const ended = await instanceState(ec2, id, "terminated");
  assert.equal(ended.StateReason?.Code, "Client.UserInitiatedShutdown");
  assert.match(ended.StateTransitionReason ?? "", /^User initiated \(\d{4}-/);
  assert.equal(ended.PublicIpAddress, undefined);
  await terminate(id);
});

// [SDK ModifyInstanceAttribute DisableApiTermination]
test("a protected instance is not terminated", async () => {
  const { InstanceId: id = "" } = await launch(ec2, { DisableApiTermination: true });
  assert.equal(await refusal(terminate(id)), "OperationNotPermitted");
  await ec2.send(
    new ModifyInstanceAttributeCommand({ InstanceId: id, DisableApiTermination: { Value: false } }),
  );
  await terminate(id);
});

// cloud-init: user data runs once an instance
test("a stopped instance starts again, and its user data does not run a second time", async () => {
  const { InstanceId: id = "" } = await launch(ec2, {
    UserData: Buffer.from("#!/bin/sh\n").toString("base64"),
  });
  const InstanceIds = [id];
  await instanceState(ec2, id, "running");
  await ec2.send(new StopInstancesCommand({ InstanceIds }));
  await instanceState(ec2, id, "stopped");
  await ec2.send(new StartInstancesCommand({ InstanceIds }));
  await instanceState(ec2, id, "running");
  assert.equal(cloud.machinery.machines.get(id)?.spec.userData.length, 0);
  await terminate(id);
  await instanceState(ec2, id, "terminated");
  const start = ec2.send(new StartInstancesCommand({ InstanceIds }));
  assert.equal(await refusal(start), "IncorrectInstanceState");
});

// [SDK GetConsoleOutput]: Latest is Nitro's; without it, what was posted at a transition
test("the console is read with Latest at any time, without it after the end", async () => {
  const { InstanceId: id = "" } = await launch(ec2);
  const { InstanceId: xen = "" } = await launch(ec2, {
    InstanceType: "t2.micro",
    ImageId: await newestHelperImage(ec2, "x86_64"),
  });
  await instanceState(ec2, id, "running");
  cloud.machinery.machines.get(id)?.say("hello");
  const read = async (request: { InstanceId: string; Latest?: boolean }) => {
    const { Output: output } = await ec2.send(new GetConsoleOutputCommand(request));
    return output === undefined ? undefined : Buffer.from(output, "base64").toString();
  };
  assert.equal(await read({ InstanceId: id, Latest: true }), "hello\n");
  assert.equal(await read({ InstanceId: id }), undefined);
  assert.equal(await refusal(read({ InstanceId: xen, Latest: true })), "UnsupportedOperation");
  await terminate(id);
  await instanceState(ec2, id, "terminated");
  assert.equal(await read({ InstanceId: id }), "hello\n");
  assert.equal(await read({ InstanceId: id, Latest: true }), "hello\n");
  await terminate(xen);
});

// [SDK DescribeInstanceStatus]: only running ones by default
test("the status shows running instances, all when asked", async () => {
  const { InstanceId: id = "" } = await launch(ec2);
  const status = async (IncludeAllInstances: boolean) => {
    const request = { InstanceIds: [id], IncludeAllInstances };
    return (await ec2.send(new DescribeInstanceStatusCommand(request))).InstanceStatuses ?? [];
  };
  assert.equal((await status(true)).length, 1);
  await instanceState(ec2, id, "running");
  const [running] = await status(false);
  assert.equal(running?.InstanceStatus?.Status, "ok");
  await terminate(id);
  await instanceState(ec2, id, "terminated");
  assert.equal((await status(false)).length, 0);
});

// [EBSUG ebs-copy-snapshot]: a key that cannot be used ends the launch, later
test("an instance whose volume cannot be made is terminated with a reason", async () => {
  const { InstanceId: id = "" } = await launch(ec2, {
    BlockDeviceMappings: [
      {
        DeviceName: "/dev/sdf",
        Ebs: {
          VolumeSize: 1,
          Encrypted: true,
          KmsKeyId: "alias/nobody",
          DeleteOnTermination: true,
        },
      },
    ],
  });
  const ended = await instanceState(ec2, id, "terminated");
  assert.equal(ended.StateReason?.Code, "Client.InternalError");
});

test("instances of several accounts in one region have different addresses", async () => {
  const other = cloud.ec2("aws-2");
  const all = await Promise.all([launch(ec2), launch(other), launch(ec2), launch(other)]);
  assert.equal(new Set(all.map((one) => one.PrivateIpAddress)).size, all.length);
  const unknown = terminate(all[1]?.InstanceId ?? "");
  assert.equal(await refusal(unknown), "InvalidInstanceID.NotFound");
});

// [SDK DescribeInstanceAttribute, ModifyInstanceAttribute]; moto: 200 and not visible
test("attributes of an instance can be read, and what is changed is seen", async () => {
  const { InstanceId: id = "" } = await launch(ec2);
  const read = (Attribute: string) =>
    ec2.send(
      new DescribeInstanceAttributeCommand({ InstanceId: id, Attribute: Attribute as "userData" }),
    );
  for (const name of [
    "blockDeviceMapping",
    "disableApiTermination",
    "ebsOptimized",
    "enaSupport",
    "groupSet",
    "instanceType",
    "rootDeviceName",
    "sourceDestCheck",
    "userData",
  ]) {
    assert.equal((await read(name)).InstanceId, id);
  }
  assert.equal(await refusal(read("colour")), "InvalidParameterValue");
  const shutdown = async () =>
    (await read("instanceInitiatedShutdownBehavior")).InstanceInitiatedShutdownBehavior?.Value;
  assert.equal(await shutdown(), "stop");
  await ec2.send(
    new ModifyInstanceAttributeCommand({
      InstanceId: id,
      InstanceInitiatedShutdownBehavior: { Value: "terminate" },
      BlockDeviceMappings: [{ DeviceName: "/dev/xvda", Ebs: { DeleteOnTermination: false } }],
    }),
  );
  assert.equal(await shutdown(), "terminate");
  const [volume] = await volumesOf(id);
  assert.equal(volume?.Attachments?.[0]?.DeleteOnTermination, false);
  await terminate(id);
});
