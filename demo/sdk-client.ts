/** The AWS SDK as anybody uses it, pointed at the demo's localcloud. */

import { EC2Client } from "@aws-sdk/client-ec2";

export function openClient(
  environment: NodeJS.ProcessEnv,
  prefix: "SOURCE_" | "DESTINATION_",
  region: string,
): EC2Client {
  return new EC2Client({
    region,
    endpoint: environment.AWS_ENDPOINT_URL ?? "",
    credentials: {
      accessKeyId: environment[`${prefix}AWS_ACCESS_KEY_ID`] ?? "",
      secretAccessKey: environment[`${prefix}AWS_SECRET_ACCESS_KEY`] ?? "",
    },
  });
}
