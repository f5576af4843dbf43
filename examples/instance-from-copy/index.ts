/**
 * An instance in GovCloud from an image that a commercial account builds. When the build publishes
 * a new image, one `pulumi up` copies it, replaces the instance, and removes the old copy, in that
 * order.
 *
 *   pulumi config set publicSubnetId subnet-0123456789abcdef0     (of the GovCloud account)
 *   pulumi config set privateSubnetId subnet-0123456789abcdef1
 */

import * as aws from "@pulumi/aws";
import * as pulumi from "@pulumi/pulumi";
import { CopiedAmi } from "amicopy";

const config = new pulumi.Config();

const commercial = new aws.Provider("commercial", { region: "us-east-1", profile: "commercial" });
const gov = new aws.Provider("gov", { region: "us-gov-west-1", profile: "gov" });

const newest = aws.ec2.getAmiOutput(
  { owners: ["self"], mostRecent: true, filters: [{ name: "name", values: ["service-*"] }] },
  { provider: commercial },
);

const image = new CopiedAmi("service", {
  sourceAmiId: newest.id,
  source: { region: "us-east-1", profile: "commercial" },
  destination: { region: "us-gov-west-1", profile: "gov" },
  // GovCloud accounts often have no default VPC; the helper needs a way out to the internet.
  helper: { destination: { subnetId: config.require("publicSubnetId") } },
});

const instance = new aws.ec2.Instance(
  "service",
  {
    ami: image.imageId,
    instanceType: "c7g.large",
    subnetId: config.require("privateSubnetId"),
    tags: { Name: "service" },
  },
  { provider: gov },
);

export const imageId = image.imageId;
export const instanceId = instance.id;
