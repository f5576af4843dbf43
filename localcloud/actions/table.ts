/** Every action there is. Whatever is not here answers `InvalidAction`. */

import type { Action } from "../call.ts";
import { CONSOLE_ACTIONS } from "./console.ts";
import { COPY_IMAGE } from "./copy-image.ts";
import { EBS_DEFAULT_ACTIONS } from "./ebs-defaults.ts";
import { IMAGE_ATTRIBUTE_ACTIONS } from "./image-attributes.ts";
import { IMAGE_ACTIONS } from "./images.ts";
import { INSTANCE_ATTRIBUTE_ACTIONS } from "./instance-attributes.ts";
import { INSTANCE_TYPE_ACTIONS } from "./instance-types.ts";
import { INSTANCE_ACTIONS } from "./instances.ts";
import { NETWORK_ACTIONS } from "./network.ts";
import { NETWORK_REMOVAL_ACTIONS } from "./network-removal.ts";
import { RUN_INSTANCES } from "./run-instances.ts";
import { SECURITY_GROUP_RULE_ACTIONS } from "./security-group-rules.ts";
import { SECURITY_GROUP_ACTIONS } from "./security-groups.ts";
import { SNAPSHOT_ATTRIBUTE_ACTIONS } from "./snapshot-attributes.ts";
import { SNAPSHOT_ACTIONS } from "./snapshots.ts";
import { STS_ACTIONS } from "./sts.ts";
import { TAG_ACTIONS } from "./tags.ts";
import { VOLUME_ACTIONS } from "./volumes.ts";

/** By `<service> <name>`. */
export const ACTIONS: ReadonlyMap<string, Action> = new Map(
  [
    ...IMAGE_ACTIONS,
    ...IMAGE_ATTRIBUTE_ACTIONS,
    COPY_IMAGE,
    ...SNAPSHOT_ACTIONS,
    ...SNAPSHOT_ATTRIBUTE_ACTIONS,
    ...VOLUME_ACTIONS,
    RUN_INSTANCES,
    ...INSTANCE_ACTIONS,
    ...INSTANCE_ATTRIBUTE_ACTIONS,
    ...CONSOLE_ACTIONS,
    ...TAG_ACTIONS,
    ...SECURITY_GROUP_ACTIONS,
    ...SECURITY_GROUP_RULE_ACTIONS,
    ...NETWORK_ACTIONS,
    ...NETWORK_REMOVAL_ACTIONS,
    ...INSTANCE_TYPE_ACTIONS,
    ...EBS_DEFAULT_ACTIONS,
    ...STS_ACTIONS,
  ].map((action) => [`${action.service} ${action.name}`, action]),
);
