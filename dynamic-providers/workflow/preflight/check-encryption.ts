/** Can the copy be unencrypted, when that is asked for? */

import type { Ec2 } from "../../ec2/ec2.ts";
import type { CopyRequest } from "../copy-request.ts";
import type { Problem } from "./problem.ts";

export async function checkEncryption(
  { encrypted }: Pick<CopyRequest, "encrypted">,
  cloud: Ec2,
): Promise<Problem[]> {
  if (encrypted !== false) return [];
  const { encryptsByDefault, keyId } = await cloud.encryptionDefaults();
  if (!encryptsByDefault) return [];
  return [
    {
      property: "encrypted",
      message:
        `The account encrypts everything new in ${cloud.region} by default (under ${keyId}), ` +
        "whatever it is asked, so the copy would be encrypted.",
      hint: "Leave out encrypted, or disable encryption by default for EBS there.",
    },
  ];
}
