/** The MetadataOptions of RunInstances: how the instance may ask for its metadata. */

import type { RunInstancesRequest } from "@aws-sdk/client-ec2";
import { refuseMembers } from "../call.ts";
import { invalidValue } from "../protocol/api-error.ts";
import type { ImageRecord } from "../records/image.ts";
import type { MetadataOptions } from "../records/instance.ts";
import { oneOf } from "./one-of.ts";

export function readMetadataOptions(
  input: RunInstancesRequest,
  image: ImageRecord,
): MetadataOptions {
  const options = input.MetadataOptions ?? {};
  refuseMembers(
    options,
    ["HttpTokens", "HttpPutResponseHopLimit", "HttpEndpoint", "InstanceMetadataTags"],
    "MetadataOptions",
  );
  const hopLimit = options.HttpPutResponseHopLimit ?? (image.imdsSupport === "v2.0" ? 2 : 1);
  if (!(hopLimit >= 1 && hopLimit <= 64)) {
    throw invalidValue(`Value (${hopLimit}) for parameter HttpPutResponseHopLimit is invalid.`);
  }
  const tokenDefault = image.imdsSupport === "v2.0" ? "required" : "optional";
  return {
    hopLimit,
    httpTokens: oneOf(options.HttpTokens ?? tokenDefault, ["optional", "required"], "HttpTokens"),
    httpEndpoint: oneOf(options.HttpEndpoint ?? "enabled", ["enabled", "disabled"], "HttpEndpoint"),
    instanceMetadataTags: oneOf(
      options.InstanceMetadataTags ?? "disabled",
      ["enabled", "disabled"],
      "InstanceMetadataTags",
    ),
  };
}
