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
import { findKey, managedKeyArn } from "../encryption.ts";
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
  // By its alias until somebody chooses, since aws/ebs is only made at its first use [AWS CLI's
  // example]; a reset then answers its ARN [terraform-provider-aws, ebs_default_kms_key_test.go].
  ec2Action<object, GetEbsDefaultKmsKeyIdResult>("GetEbsDefaultKmsKeyId", [], (_input, call) => ({
    KmsKeyId: call.store.settings.defaultKeyArn ?? "alias/aws/ebs",
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
      call.store.settings.defaultKeyArn = managedKeyArn(call);
      return { KmsKeyId: managedKeyArn(call) };
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
