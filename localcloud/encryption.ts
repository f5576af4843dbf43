/** KMS keys as EBS sees them, and what a new volume or snapshot is encrypted with. */

import type { Call } from "./call.ts";
import { ApiError, invalidCombination } from "./protocol/api-error.ts";
import type { KeyRecord } from "./records/encryption-key.ts";
import type { SnapshotRecord } from "./records/snapshot.ts";

export interface Encryption {
  readonly encrypted: boolean;
  readonly kmsKeyArn: string | undefined;
  /** A key that does not exist or may not be used is found out only later, as with EC2. */
  readonly keyUsable: boolean;
}

const NOT_ENCRYPTED: Encryption = { encrypted: false, kmsKeyArn: undefined, keyUsable: true };

/**
 * What a volume (or copy) made by this request is encrypted with. Encrypted data stays encrypted;
 * the account's default applies to everything else.
 */
export function chooseEncryption(
  call: Call,
  request: {
    readonly Encrypted?: boolean | undefined;
    readonly KmsKeyId?: string | undefined;
  },
  snapshot: SnapshotRecord | undefined,
): Encryption {
  const fromEncrypted = snapshot?.encrypted === true;
  if (fromEncrypted && request.Encrypted === false) {
    throw invalidCombination(
      `The snapshot ${snapshot.id} is encrypted: an unencrypted volume cannot be made of it.`,
    );
  }
  const encrypted =
    request.Encrypted === true || fromEncrypted || call.store.settings.encryptionByDefault;
  if (request.KmsKeyId !== undefined && !encrypted) {
    throw new ApiError(
      "InvalidParameterDependency",
      "The parameter KmsKeyId requires the parameter Encrypted to be set.",
    );
  }
  if (!encrypted) return NOT_ENCRYPTED;
  const sourceReadable = !fromEncrypted || findKey(call, snapshot.kmsKeyArn ?? "") !== undefined;
  if (request.KmsKeyId !== undefined) {
    const key = findKey(call, request.KmsKeyId);
    const kmsKeyArn = key?.arn ?? request.KmsKeyId;
    return { encrypted: true, kmsKeyArn, keyUsable: key !== undefined && sourceReadable };
  }
  const sameKey = fromEncrypted && snapshot.ownerId === call.account.id;
  const kmsKeyArn = (sameKey ? snapshot.kmsKeyArn : undefined) ?? defaultKeyArn(call);
  const keyUsable = sourceReadable && findKey(call, kmsKeyArn) !== undefined;
  return { encrypted: true, kmsKeyArn, keyUsable };
}

/**
 * A key that the caller can use: its own by id, alias, or either's ARN, another account's by ARN if
 * that one granted it.
 */
export function findKey(call: Call, text: string): KeyRecord | undefined {
  const own = call.store.keys.find(
    (key) => [key.id, key.arn, key.alias].includes(text) || aliasArn(key) === text,
  );
  if (own !== undefined) return own.enabled ? own : undefined;
  return call.cloud
    .storesIn(call.region)
    .flatMap((store) => store.keys)
    .find(
      ({ arn, enabled, grantedTo }) =>
        arn === text && enabled && (grantedTo === "all" || grantedTo.has(call.account.id)),
    );
}

/** What everything is encrypted with for which no key is named. */
export function defaultKeyArn(call: Call): string {
  return call.store.settings.defaultKeyArn ?? managedKeyArn(call);
}

/** Of `aws/ebs`. */
export function managedKeyArn(call: Call): string {
  const arn = call.store.keys.find((one) => one.managedByAws)?.arn;
  if (arn === undefined) throw new Error("every account has aws/ebs");
  return arn;
}

/** AWS's own key cannot be given to another account, so what it encrypts cannot be shared. */
export function isManagedByAws(call: Call, kmsKeyArn: string | undefined): boolean {
  return call.store.keys.some((key) => key.managedByAws && key.arn === kmsKeyArn);
}

function aliasArn(key: KeyRecord): string {
  return key.arn.replace(/key\/.*$/, key.alias);
}
