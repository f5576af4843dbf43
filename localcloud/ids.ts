/** Ids of things: made, and checked when they come from outside. */

import { randomBytes } from "node:crypto";
import { ApiError } from "./protocol/api-error.ts";

/** What EC2 says of a malformed and of an unknown id, by the id's prefix. [errors-overview] */
const CODES = {
  ami: { malformed: "InvalidAMIID.Malformed", notFound: "InvalidAMIID.NotFound", noun: "image id" },
  snap: {
    malformed: "InvalidSnapshotID.Malformed",
    notFound: "InvalidSnapshot.NotFound",
    noun: "snapshot",
  },
  vol: {
    malformed: "InvalidVolumeID.Malformed",
    notFound: "InvalidVolume.NotFound",
    noun: "volume",
  },
  i: {
    malformed: "InvalidInstanceID.Malformed",
    notFound: "InvalidInstanceID.NotFound",
    noun: "instance ID",
  },
  sg: {
    malformed: "InvalidGroupId.Malformed",
    notFound: "InvalidGroup.NotFound",
    noun: "security group",
  },
  sgr: {
    malformed: "InvalidSecurityGroupRuleId.Malformed",
    notFound: "InvalidSecurityGroupRuleId.NotFound",
    noun: "security group rule ID",
  },
  subnet: {
    malformed: "InvalidSubnetID.Malformed",
    notFound: "InvalidSubnetID.NotFound",
    noun: "subnet ID",
  },
  vpc: { malformed: "InvalidVpcID.Malformed", notFound: "InvalidVpcID.NotFound", noun: "vpc ID" },
  eni: {
    malformed: "InvalidNetworkInterfaceId.Malformed",
    notFound: "InvalidNetworkInterfaceID.NotFound",
    noun: "networkInterface ID",
  },
  key: {
    malformed: "InvalidKeyPair.Format",
    notFound: "InvalidKeyPair.NotFound",
    noun: "key pair",
  },
  nat: {
    malformed: "InvalidNatGatewayID.Malformed",
    notFound: "NatGatewayNotFound",
    noun: "natGateway ID",
  },
  igw: {
    malformed: "InvalidInternetGatewayId.Malformed",
    notFound: "InvalidInternetGatewayID.NotFound",
    noun: "internetGateway ID",
  },
  eipalloc: {
    malformed: "InvalidAllocationID.Malformed",
    notFound: "InvalidAllocationID.NotFound",
    noun: "allocation ID",
  },
  rtb: {
    malformed: "InvalidRouteTableId.Malformed",
    notFound: "InvalidRouteTableID.NotFound",
    noun: "routeTable ID",
  },
} as const;

export type IdPrefix = keyof typeof CODES;

/** 17 hex digits, as all ids since 2018. */
export function newId(prefix: IdPrefix | "r" | "eni-attach" | "rtbassoc"): string {
  return `${prefix}-0${randomBytes(8).toString("hex")}`;
}

/** @throws ApiError `…Malformed` when the text cannot be an id of that kind. */
export function checkId(prefix: IdPrefix, id: string): void {
  if (/^[a-z]+-([0-9a-f]{8}|[0-9a-f]{17})$/.test(id) && id.startsWith(`${prefix}-`)) return;
  throw new ApiError(CODES[prefix].malformed, `Invalid id: "${id}" (expecting "${prefix}-...")`);
}

/** The refusal of an id that is well formed and means nothing to this caller. */
export function notFound(prefix: IdPrefix, ids: string | readonly string[]): ApiError {
  const list = typeof ids === "string" ? [ids] : ids;
  const { notFound: code, noun } = CODES[prefix];
  const bracketed = list.length > 1 || prefix === "ami";
  const text = bracketed ? `'[${list.join(", ")}]'` : `'${list[0]}'`;
  return new ApiError(code, `The ${noun} ${text} ${list.length > 1 ? "do" : "does"} not exist`);
}

/** @returns `undefined` when no kind of thing has ids like this. */
export function prefixOf(id: string): IdPrefix | undefined {
  const [, prefix] = /^([a-z]+)-[0-9a-f]+$/.exec(id) ?? [];
  return prefix !== undefined && Object.hasOwn(CODES, prefix) ? (prefix as IdPrefix) : undefined;
}

/** EC2's name of the kind of a thing, as in tag specifications and DescribeTags. */
export const RESOURCE_TYPE: Readonly<Record<IdPrefix, string>> = {
  ami: "image",
  snap: "snapshot",
  vol: "volume",
  i: "instance",
  sg: "security-group",
  sgr: "security-group-rule",
  subnet: "subnet",
  vpc: "vpc",
  eni: "network-interface",
  rtb: "route-table",
  key: "key-pair",
  nat: "natgateway",
  igw: "internet-gateway",
  eipalloc: "elastic-ip",
};
