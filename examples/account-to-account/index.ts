/**
 * From one account to another in the same partition, where the snapshots are under the AWS-managed
 * key and so cannot be shared. Each side is a role that the runner's own credentials may assume;
 * the account numbers make a mix-up an error before anything is called. Both accounts have a role
 * `amicopy` with the policies of docs/iam; the destination has a KMS key `alias/images`.
 *
 *   pulumi config set sourceAmiId ami-0123456789abcdef0
 *   pulumi config set sourceAccount 111122223333
 *   pulumi config set destinationAccount 444455556666
 *   pulumi config set externalId …                  (only if the roles ask for one)
 */

import * as pulumi from "@pulumi/pulumi";
import { CopiedAmi, type SideArgs } from "amicopy";

const config = new pulumi.Config();

function side(region: string, accountId: string): SideArgs {
  return {
    region,
    expectedAccountId: accountId,
    assumeRole: {
      roleArn: `arn:aws:iam::${accountId}:role/amicopy`,
      externalId: config.get("externalId"),
    },
  };
}

const copy = new CopiedAmi("base", {
  sourceAmiId: config.require("sourceAmiId"),
  source: side("eu-central-1", config.require("sourceAccount")),
  destination: side("eu-west-1", config.require("destinationAccount")),
  encrypted: true,
  kmsKeyId: "alias/images",
});

export const imageId = copy.imageId;
