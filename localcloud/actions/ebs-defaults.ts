/** The account's encryption by default, and with which key. */

import type {
  DisableEbsEncryptionByDefaultResult,
  EnableEbsEncryptionByDefaultResult,
  GetEbsDefaultKmsKeyIdResult,
  GetEbsEncryptionByDefaultResult,
  ModifyEbsDefaultKmsKeyIdRequest,
  ModifyEbsDefaultKmsKeyIdResult,
  ResetEbsDefaultKmsKeyIdResult,
} from "@aws-sdk/client-ec2";
import { type Action, type Call, ec2Action } from "../call.ts";
import { defaultKeyArn, findKey } from "../encryption.ts";
import { invalidValue } from "../protocol/api-error.ts";

export const EBS_DEFAULT_ACTIONS: readonly Action[] = [
  ec2Action<object, GetEbsEncryptionByDefaultResult>(
    "GetEbsEncryptionByDefault",
    [],
    (_input, call) => ({ EbsEncryptionByDefault: call.store.settings.encryptionByDefault }),
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
    KmsKeyId: defaultKeyArn(call),
  })),
  ec2Action<ModifyEbsDefaultKmsKeyIdRequest, ModifyEbsDefaultKmsKeyIdResult>(
    "ModifyEbsDefaultKmsKeyId",
    ["KmsKeyId"],
    modifyDefaultKey,
  ),
  ec2Action<object, ResetEbsDefaultKmsKeyIdResult>(
    "ResetEbsDefaultKmsKeyId",
    [],
    (_input, call) => {
      call.commit();
      call.store.settings.defaultKeyArn = undefined;
      return { KmsKeyId: defaultKeyArn(call) };
    },
  ),
];

/** [SDK ModifyEbsDefaultKmsKeyIdRequest]: authenticated later; one that there is not is refused. */
function modifyDefaultKey(
  input: ModifyEbsDefaultKmsKeyIdRequest,
  call: Call,
): ModifyEbsDefaultKmsKeyIdResult {
  const key = findKey(call, input.KmsKeyId ?? "");
  if (key === undefined) throw invalidValue(`The key ${input.KmsKeyId} does not exist.`);
  call.commit();
  call.store.settings.defaultKeyArn = key.arn;
  return { KmsKeyId: key.arn };
}

function setDefault(call: Call, value: boolean): { EbsEncryptionByDefault: boolean } {
  call.commit();
  call.store.settings.encryptionByDefault = value;
  return { EbsEncryptionByDefault: value };
}
