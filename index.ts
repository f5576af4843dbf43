/**
 * A stack of one copy, told by the stack's configuration:
 *
 *   pulumi config set sourceAmiId ami-0123456789abcdef0
 *   pulumi config set --path source.region us-east-1
 *   pulumi config set --path source.profile commercial
 *   pulumi config set --path destination.region us-gov-west-1
 *   pulumi config set --path destination.environmentPrefix GOV_
 *   pulumi config set name golden        (optional)
 *   pulumi config set allowBootOfSource true    (optional)
 */

import * as pulumi from "@pulumi/pulumi";
import { CopiedAmi, type SideArgs } from "amicopy";

const config = new pulumi.Config();

const copy = new CopiedAmi("copy", {
  sourceAmiId: config.require("sourceAmiId"),
  source: config.requireObject<SideArgs>("source"),
  destination: config.requireObject<SideArgs>("destination"),
  name: config.get("name"),
  allowBootOfSource: config.getBoolean("allowBootOfSource"),
});

export const imageId = copy.imageId;
export const imageArn = copy.imageArn;
export const imageName = copy.name;
export const snapshots = copy.snapshots;
export const fidelity = copy.fidelity;
export const bytesRead = copy.bytesRead;
export const bytesSent = copy.bytesSent;
export const bytesResent = copy.bytesResent;
export const durationSeconds = copy.durationSeconds;
export const runId = copy.runId;
