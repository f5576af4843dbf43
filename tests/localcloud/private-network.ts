/**
 * A network of one's own, in plain calls: a public subnet with a NAT gateway in it, and a private
 * one whose way out leads through that gateway.
 */

import {
  AllocateAddressCommand,
  AssociateRouteTableCommand,
  AttachInternetGatewayCommand,
  CreateInternetGatewayCommand,
  CreateNatGatewayCommand,
  CreateRouteCommand,
  CreateRouteTableCommand,
  CreateSubnetCommand,
  CreateVpcCommand,
  DescribeNatGatewaysCommand,
  DescribeSubnetsCommand,
  type EC2Client,
} from "@aws-sdk/client-ec2";
import { until } from "./conformance-cloud.ts";

export interface PrivateNetwork {
  readonly vpcId: string;
  readonly publicSubnetId: string;
  readonly privateSubnetId: string;
  readonly natGatewayId: string;
  /** What the world sees of whoever is in the private subnet. */
  readonly natAddress: string;
}

/** In one zone, of which the default subnet must still be there: its addresses are taken. */
export async function makePrivateNetwork(ec2: EC2Client, zone: string): Promise<PrivateNetwork> {
  const Filters = [{ Name: "availability-zone", Values: [zone] }];
  const { Subnets: [own] = [] } = await ec2.send(new DescribeSubnetsCommand({ Filters }));
  const [network = "", third = 0] = split(own?.CidrBlock ?? "");
  const block = (i: number) => `${network}.${third + i}.0/24`;
  const { Vpc: vpc } = await ec2.send(new CreateVpcCommand({ CidrBlock: own?.CidrBlock }));
  const VpcId = vpc?.VpcId ?? "";
  const subnet = async (CidrBlock: string) => {
    const request = new CreateSubnetCommand({ VpcId, CidrBlock, AvailabilityZone: zone });
    return (await ec2.send(request)).Subnet?.SubnetId ?? "";
  };
  const publicSubnetId = await subnet(block(2));
  const privateSubnetId = await subnet(block(3));
  const { InternetGateway: gateway } = await ec2.send(new CreateInternetGatewayCommand({}));
  const InternetGatewayId = gateway?.InternetGatewayId ?? "";
  await ec2.send(new AttachInternetGatewayCommand({ InternetGatewayId, VpcId }));
  const route = async (SubnetId: string, target: object) => {
    const { RouteTable: table } = await ec2.send(new CreateRouteTableCommand({ VpcId }));
    const RouteTableId = table?.RouteTableId ?? "";
    const everywhere = { RouteTableId, DestinationCidrBlock: "0.0.0.0/0" };
    await ec2.send(new CreateRouteCommand({ ...everywhere, ...target }));
    await ec2.send(new AssociateRouteTableCommand({ RouteTableId, SubnetId }));
  };
  await route(publicSubnetId, { GatewayId: InternetGatewayId });
  const { AllocationId } = await ec2.send(new AllocateAddressCommand({ Domain: "vpc" }));
  const { NatGateway: made } = await ec2.send(
    new CreateNatGatewayCommand({ SubnetId: publicSubnetId, AllocationId }),
  );
  const natGatewayId = made?.NatGatewayId ?? "";
  const nat = await until(async () => {
    const ids = new DescribeNatGatewaysCommand({ NatGatewayIds: [natGatewayId] });
    const one = (await ec2.send(ids)).NatGateways?.[0];
    return one?.State === "available" && one;
  });
  await route(privateSubnetId, { NatGatewayId: natGatewayId });
  const natAddress = nat.NatGatewayAddresses?.[0]?.PublicIp ?? "";
  return { vpcId: VpcId, publicSubnetId, privateSubnetId, natGatewayId, natAddress };
}

function split(cidr: string): [string, number] | [] {
  const [, network, third] = /^(\d+\.\d+)\.(\d+)\./.exec(cidr) ?? [];
  return network === undefined ? [] : [network, Number(third)];
}
