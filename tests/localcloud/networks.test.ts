import assert from "node:assert/strict";
import { test } from "node:test";
import {
  CreateNatGatewayCommand,
  CreateSubnetCommand,
  CreateVpcCommand,
  DeleteNatGatewayCommand,
  DeleteSubnetCommand,
  DeleteVpcCommand,
  DescribeAvailabilityZonesCommand,
  DescribeInstancesCommand,
  DescribeRouteTablesCommand,
  DescribeSubnetsCommand,
  DescribeVpcsCommand,
  ImportKeyPairCommand,
  ModifySubnetAttributeCommand,
} from "@aws-sdk/client-ec2";
import { instanceState, launch, openConformanceCloud, refusal } from "./conformance-cloud.ts";
import { makePrivateNetwork } from "./private-network.ts";

const cloud = await openConformanceCloud();
const ec2 = cloud.ec2();

// [SDK NatGatewayAddress, RouteTable]; [UG security-group-connection-tracking]
test("an instance in a private subnet has no public address; its way out is a NAT gateway's", async () => {
  const network = await makePrivateNetwork(ec2, "us-east-1b");
  const started = await launch(ec2, { SubnetId: network.privateSubnetId });
  const id = started.InstanceId ?? "";
  const running = await instanceState(ec2, id, "running");
  assert.equal(running.PublicIpAddress, undefined);
  assert.equal(running.VpcId, network.vpcId);
  const Filters = [{ Name: "association.subnet-id", Values: [network.privateSubnetId] }];
  const { RouteTables: [table] = [] } = await ec2.send(new DescribeRouteTablesCommand({ Filters }));
  const out = table?.Routes?.find((one) => one.DestinationCidrBlock === "0.0.0.0/0");
  assert.deepEqual([out?.NatGatewayId, out?.State], [network.natGatewayId, "active"]);
  // Whom it calls sees the gateway.
  assert.equal(cloud.machinery.machines.get(id)?.spec.address, network.natAddress);
  assert.notEqual(running.PrivateIpAddress, network.natAddress);
  // [SDK RunInstancesRequest]: a public address is the subnet's default, and can be asked for
  const outside = await launch(ec2, {
    NetworkInterfaces: [
      { DeviceIndex: 0, SubnetId: network.publicSubnetId, AssociatePublicIpAddress: true },
    ],
  });
  assert.ok(outside.PublicIpAddress);
  await ec2.send(
    new ModifySubnetAttributeCommand({
      SubnetId: network.publicSubnetId,
      MapPublicIpOnLaunch: { Value: true },
    }),
  );
  assert.ok((await launch(ec2, { SubnetId: network.publicSubnetId })).PublicIpAddress);
  // [errors-overview] DependencyViolation
  const { publicSubnetId: SubnetId, vpcId: VpcId, natGatewayId: NatGatewayId } = network;
  assert.equal(
    await refusal(ec2.send(new DeleteSubnetCommand({ SubnetId }))),
    "DependencyViolation",
  );
  assert.equal(await refusal(ec2.send(new DeleteVpcCommand({ VpcId }))), "DependencyViolation");
  await ec2.send(new DeleteNatGatewayCommand({ NatGatewayId }));
  const { RouteTables: [after] = [] } = await ec2.send(new DescribeRouteTablesCommand({ Filters }));
  assert.equal(after?.Routes?.find((one) => one.NatGatewayId)?.State, "blackhole");
});

// [errors-overview] InvalidSubnet.Range, .Conflict, InvalidVpc.Range
test("blocks of addresses that cannot be are refused", async () => {
  const { Vpcs: [vpc] = [] } = await ec2.send(new DescribeVpcsCommand({}));
  const { VpcId, CidrBlock = "" } = vpc ?? {};
  const subnet = (cidr: string) =>
    refusal(ec2.send(new CreateSubnetCommand({ VpcId, CidrBlock: cidr })));
  assert.equal(await subnet("10.0.0.0/24"), "InvalidSubnet.Range");
  assert.equal(await subnet(CidrBlock.replace(/\/\d+$/, "/24")), "InvalidSubnet.Conflict");
  const network = (cidr: string) => refusal(ec2.send(new CreateVpcCommand({ CidrBlock: cidr })));
  assert.equal(await network("10.0.0.0/8"), "InvalidVpc.Range");
  assert.equal(await network("10.0.0.1/16"), "InvalidParameterValue");
  const { Subnets: [own] = [] } = await ec2.send(new DescribeSubnetsCommand({}));
  const nat = new CreateNatGatewayCommand({ SubnetId: own?.SubnetId ?? "" });
  assert.equal(await refusal(ec2.send(nat)), "MissingParameter");
});

// [SDK AvailabilityZone.ZoneType, Subnet.OutpostArn]
test("Local Zones and Outposts can be seen, and nobody gets an instance there", async () => {
  const zones = async (AllAvailabilityZones: boolean) => {
    const request = new DescribeAvailabilityZonesCommand({ AllAvailabilityZones });
    const { AvailabilityZones: found = [] } = await ec2.send(request);
    return found.filter((one) => one.ZoneType === "local-zone");
  };
  const [local] = await zones(true);
  assert.deepEqual([local?.ZoneName, local?.OptInStatus], ["us-east-1-bos-1a", "not-opted-in"]);
  assert.deepEqual(await zones(false), []);
  const { VpcId = "", CidrBlock = "" } =
    (await ec2.send(new DescribeVpcsCommand({}))).Vpcs?.find((one) => one.IsDefault) ?? {};
  const { Vpc: vpc } = await ec2.send(new CreateVpcCommand({ CidrBlock }));
  assert.notEqual(vpc?.VpcId, VpcId);
  const OutpostArn = "arn:aws:outposts:us-east-1:100000000001:outpost/op-0123456789abcdef0";
  const { Subnet: subnet } = await ec2.send(
    new CreateSubnetCommand({
      VpcId: vpc?.VpcId ?? "",
      CidrBlock: CidrBlock.replace(/\/\d+$/, "/24"),
      AvailabilityZone: "us-east-1-bos-1a",
      OutpostArn,
    }),
  );
  assert.equal(subnet?.OutpostArn, OutpostArn);
  assert.equal((await zones(false))[0]?.OptInStatus, "opted-in");
  const call = launch(ec2, { SubnetId: subnet?.SubnetId ?? "" });
  assert.equal(await refusal(call), "Unsupported");
});

// [errors-overview] VPCIdNotSpecified: many real accounts have none
test("an account without a default VPC needs a subnet", async () => {
  const client = cloud.ec2("aws-us-gov-1", "us-gov-west-1");
  const place = { region: "us-gov-west-1", account: "aws-us-gov-1" };
  await cloud.localcloud.configure({ ...place, settings: { defaultVpc: false } });
  assert.deepEqual((await client.send(new DescribeVpcsCommand({}))).Vpcs ?? [], []);
  assert.equal(await refusal(launch(client)), "VPCIdNotSpecified");
});

// [SDK RunInstancesRequest.KeyName, InstanceMetadataOptionsRequest.HttpEndpoint, StopInstancesRequest]
test("an instance can have a key, or no metadata and so no user data", async () => {
  const key = `ssh-ed25519 ${"A".repeat(68)} me`;
  const material = { KeyName: "debug", PublicKeyMaterial: Buffer.from(key) };
  await ec2.send(new ImportKeyPairCommand(material));
  assert.equal(
    await refusal(ec2.send(new ImportKeyPairCommand(material))),
    "InvalidKeyPair.Duplicate",
  );
  assert.equal((await launch(ec2, { KeyName: "debug" })).KeyName, "debug");
  const { InstanceId: id = "" } = await launch(ec2, {
    MetadataOptions: { HttpEndpoint: "disabled" },
    UserData: Buffer.from("#!/bin/sh\n").toString("base64"),
  });
  await instanceState(ec2, id, "running");
  const shown = await ec2.send(new DescribeInstancesCommand({ InstanceIds: [id] }));
  const [instance] = shown.Reservations?.[0]?.Instances ?? [];
  assert.equal(instance?.MetadataOptions?.HttpEndpoint, "disabled");
  assert.equal(cloud.machinery.machines.get(id)?.spec.userData.length, 0);
});
