/** The account's encryption by default. */

import type {
  DisableEbsEncryptionByDefaultResult,
  EnableEbsEncryptionByDefaultResult,
  GetEbsDefaultKmsKeyIdResult,
  GetEbsEncryptionByDefaultResult,
} from "@aws-sdk/client-ec2";
import { type Action, type Call, ec2Action } from "../call.ts";
import { defaultKey } from "../encryption.ts";

export const EBS_DEFAULT_ACTIONS: readonly Action[] = [
  ec2Action<object, GetEbsEncryptionByDefaultResult>(
    "GetEbsEncryptionByDefault",
    [],
    (_input, call) => ({ EbsEncryptionByDefault: call.store.encryptionByDefault }),
  ),
  ec2Action<object, EnableEbsEncryptionByDefaultResult>(
    "EnableEbsEncryptionByDefault",
    [],
    (_input, call) => setDefault(call, true),
  ),
  ec2Action<object, DisableEbsEncryptionByDefaultResult>(
    "DisableEbsEncryptionByDefault",
    [],
    (_input, call) => setDefault(call, false),
  ),
  ec2Action<object, GetEbsDefaultKmsKeyIdResult>("GetEbsDefaultKmsKeyId", [], (_input, call) => ({
    KmsKeyId: defaultKey(call).arn,
  })),
];

function setDefault(call: Call, value: boolean): { EbsEncryptionByDefault: boolean } {
  call.commit();
  call.store.encryptionByDefault = value;
  return { EbsEncryptionByDefault: value };
}
