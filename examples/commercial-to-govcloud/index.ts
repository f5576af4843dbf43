/**
 * A commercial AMI in GovCloud. Each side has a profile in ~/.aws/config; nothing of them gets into
 * the state but the names.
 *
 *   pulumi config set sourceAmiId ami-0123456789abcdef0
 *   pulumi up
 */

import * as pulumi from "@pulumi/pulumi";
import { CopiedAmi } from "amicopy";

const config = new pulumi.Config();

const golden = new CopiedAmi("golden", {
  sourceAmiId: config.require("sourceAmiId"),
  source: { region: "us-east-1", profile: "commercial" },
  destination: { region: "us-gov-west-1", profile: "gov" },
  tags: { "copied-by": "pulumi" },
});

export const imageId = golden.imageId;
export const snapshots = golden.snapshots;
