/**
 * Words of AWS about a key, made into what to do. EC2 takes a request with a key that it cannot use
 * and says so only later, on the state of what was made, and then often without naming the key or
 * even that it is about one. Pure.
 *
 * Sources of the words: EBS user guide (copy a snapshot), re:Post "kms-iam-ec2-permission",
 * hashicorp/packer#12683, aws/aws-cdk#34491.
 */

/** The keys of what has failed; empty: none that we know of. */
export interface KeyUse {
  /** Id, ARN or alias each, or in words. */
  readonly keys: readonly string[];
  /** `read`: volumes of snapshots under these keys. `write`: blank volumes and what is made of them. */
  readonly for: "read" | "write";
}

export interface KeyTrouble {
  /** Ends the sentence that says what has failed. */
  readonly because: string;
  readonly hint: string;
}

/** When no key is named for it. */
export const DEFAULT_KEY = "the account's default key for EBS";

/** @param reason - AWS's own words on the state of the thing. */
export function keyTrouble(reason: string | undefined, use: KeyUse): KeyTrouble | undefined {
  if (reason === undefined) return undefined;
  const isVague = /^Client\.InternalError|Client error on /i.test(reason) && use.keys.length > 0;
  if (!isVague && !speaksOfKey(reason)) return undefined;
  const keys = use.keys.length === 0 ? DEFAULT_KEY : use.keys.join(" or ");
  return {
    because: `: ${reason}, which is how EC2 says that it cannot use ${keys}`,
    hint: keyHint(use.for),
  };
}

/** What to do about the refusal of a call, if it is for a key. */
export function keyAdvice(refusal: string): string | undefined {
  // Of ModifySnapshotAttribute; preflight knows aws/ebs by its alias only.
  if (/EBS default key cannot be shared/i.test(refusal)) {
    return "Give kmsKeyId with a customer key that the other accounts may use, or leave out copyLaunchPermissions.";
  }
  return speaksOfKey(refusal) ? keyHint("read") : undefined;
}

/** Whether words of AWS are about a key of KMS. */
function speaksOfKey(text: string): boolean {
  return /\bkms\b|KMSKey|\bkey ID\b/i.test(text);
}

/** What a key's user needs. [EBS user guide, requirements for EBS encryption] */
function keyHint(use: KeyUse["for"]): string {
  const further = use === "read" ? ", kms:ReEncrypt*" : "";
  return (
    "The key must be enabled, and the identity of this side must be allowed kms:DescribeKey, " +
    `kms:CreateGrant, kms:Decrypt, kms:GenerateDataKeyWithoutPlaintext${further} on it; ` +
    "a key of another account must allow this one in its own key policy too."
  );
}
