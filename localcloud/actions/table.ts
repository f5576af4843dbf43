/** Every action there is. Whatever is not here answers `InvalidAction`. */

import type { Action } from "../call.ts";
import { CONSOLE_ACTIONS } from "./console.ts";
import { COPY_IMAGE } from "./copy-image.ts";
import { CREATE_IMAGE } from "./create-image.ts";
import { DEREGISTER_ACTIONS } from "./deregister-image.ts";
import { DESCRIBE_IMAGES } from "./describe-images.ts";
import { DESCRIBE_SECURITY_GROUP_RULES } from "./describe-security-group-rules.ts";
import { DESCRIBE_SECURITY_GROUPS } from "./describe-security-groups.ts";
import { EBS_DEFAULT_ACTIONS } from "./ebs-defaults.ts";
import { IMAGE_ATTRIBUTE_ACTIONS } from "./image-attributes.ts";
import { IMAGE_LIFECYCLE_ACTIONS } from "./image-lifecycle.ts";
import { IMAGE_LIMIT_ACTIONS } from "./image-limits.ts";
import { INSTANCE_ATTRIBUTE_ACTIONS } from "./instance-attributes.ts";
import { INSTANCE_TYPE_ACTIONS } from "./instance-types.ts";
import { GET_INSTANCE_UEFI_DATA } from "./instance-uefi.ts";
import { INSTANCE_ACTIONS } from "./instances.ts";
import { INTERNET_GATEWAY_ACTIONS } from "./internet-gateways.ts";
import { KEY_PAIR_ACTIONS } from "./key-pairs.ts";
import { NAT_GATEWAY_ACTIONS } from "./nat-gateways.ts";
import { DESCRIBE_NETWORK_INTERFACES } from "./network-interfaces.ts";
import { REGISTER_IMAGE } from "./register-image.ts";
import { ROUTE_TABLE_ACTIONS } from "./route-tables.ts";
import { RUN_INSTANCES } from "./run-instances.ts";
import { SECURITY_GROUP_RULE_ACTIONS } from "./security-group-rules.ts";
import { SECURITY_GROUP_ACTIONS } from "./security-groups.ts";
import { SERVICE_QUOTAS_ACTIONS } from "./service-quotas.ts";
import { SHARING_LIMIT_ACTIONS } from "./sharing-limits.ts";
import { SNAPSHOT_ATTRIBUTE_ACTIONS } from "./snapshot-attributes.ts";
import { SNAPSHOT_ACTIONS } from "./snapshots.ts";
import { STS_ACTIONS } from "./sts.ts";
import { SUBNET_ACTIONS } from "./subnets.ts";
import { TAG_ACTIONS } from "./tags.ts";
import { VOLUME_ATTACHMENT_ACTIONS } from "./volume-attachments.ts";
import { VOLUME_ACTIONS } from "./volumes.ts";
import { VPC_ACTIONS } from "./vpcs.ts";
import { ZONE_ACTIONS } from "./zones.ts";

/** By `<service> <name>`. */
export const ACTIONS: ReadonlyMap<string, Action> = new Map(
  [
    DESCRIBE_IMAGES,
    REGISTER_IMAGE,
    CREATE_IMAGE,
    ...DEREGISTER_ACTIONS,
    ...IMAGE_LIFECYCLE_ACTIONS,
    ...IMAGE_LIMIT_ACTIONS,
    ...IMAGE_ATTRIBUTE_ACTIONS,
    COPY_IMAGE,
    ...SNAPSHOT_ACTIONS,
    ...SNAPSHOT_ATTRIBUTE_ACTIONS,
    ...VOLUME_ACTIONS,
    ...VOLUME_ATTACHMENT_ACTIONS,
    RUN_INSTANCES,
    ...INSTANCE_ACTIONS,
    ...INSTANCE_ATTRIBUTE_ACTIONS,
    GET_INSTANCE_UEFI_DATA,
    ...KEY_PAIR_ACTIONS,
    ...CONSOLE_ACTIONS,
    ...TAG_ACTIONS,
    ...SECURITY_GROUP_ACTIONS,
    DESCRIBE_SECURITY_GROUPS,
    ...SECURITY_GROUP_RULE_ACTIONS,
    DESCRIBE_SECURITY_GROUP_RULES,
    ...ZONE_ACTIONS,
    ...VPC_ACTIONS,
    ...SUBNET_ACTIONS,
    ...ROUTE_TABLE_ACTIONS,
    ...INTERNET_GATEWAY_ACTIONS,
    ...NAT_GATEWAY_ACTIONS,
    DESCRIBE_NETWORK_INTERFACES,
    ...SHARING_LIMIT_ACTIONS,
    ...INSTANCE_TYPE_ACTIONS,
    ...EBS_DEFAULT_ACTIONS,
    ...STS_ACTIONS,
    ...SERVICE_QUOTAS_ACTIONS,
  ].map((action) => [`${action.service} ${action.name}`, action]),
);
