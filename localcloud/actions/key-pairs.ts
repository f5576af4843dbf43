/** ImportKeyPair, DescribeKeyPairs, DeleteKeyPair: for logging in to a helper that misbehaves. */

import { createHash } from "node:crypto";
import type {
  DeleteKeyPairRequest,
  DeleteKeyPairResult,
  DescribeKeyPairsRequest,
  DescribeKeyPairsResult,
  ImportKeyPairRequest,
  ImportKeyPairResult,
} from "@aws-sdk/client-ec2";
import { type Action, type Call, ec2Action } from "../call.ts";
import { applyFilters } from "../filters.ts";
import { newId } from "../ids.ts";
import { ApiError } from "../protocol/api-error.ts";
import type { KeyPairRecord } from "../records/key-pair.ts";
import { readTagSpecifications, tagList } from "../tags.ts";

export const KEY_PAIR_ACTIONS: readonly Action[] = [
  ec2Action<ImportKeyPairRequest, ImportKeyPairResult>(
    "ImportKeyPair",
    ["KeyName", "PublicKeyMaterial", "TagSpecifications"],
    importKeyPair,
  ),
  ec2Action<DescribeKeyPairsRequest, DescribeKeyPairsResult>(
    "DescribeKeyPairs",
    ["Filters", "KeyNames"],
    describeKeyPairs,
  ),
  ec2Action<DeleteKeyPairRequest, DeleteKeyPairResult>("DeleteKeyPair", ["KeyName"], deleteKeyPair),
];

const NAME_MAX_LENGTH = 255;

/** @throws ApiError `InvalidKeyPair.NotFound`. */
export function findKeyPair(call: Call, name: string): KeyPairRecord {
  const found = [...call.store.keyPairs.values()].find((one) => one.name === name);
  if (found !== undefined) return found;
  throw new ApiError("InvalidKeyPair.NotFound", `The key pair '${name}' does not exist`);
}

function importKeyPair(input: ImportKeyPairRequest, call: Call): ImportKeyPairResult {
  const { KeyName: name = "", PublicKeyMaterial: material = new Uint8Array() } = input;
  const text = Buffer.from(material).toString("latin1");
  if (name === "" || name.length > NAME_MAX_LENGTH || !/^[\x20-\x7e]+$/.test(name)) {
    throw new ApiError("InvalidKeyPair.Format", `'${name}' cannot be the name of a key pair`);
  }
  if (!/^ssh-(rsa|ed25519) [A-Za-z0-9+/=]{40,}/.test(text)) {
    throw new ApiError("InvalidKey.Format", "Key is not in valid OpenSSH public key format");
  }
  if ([...call.store.keyPairs.values()].some((one) => one.name === name)) {
    throw new ApiError("InvalidKeyPair.Duplicate", `The keypair '${name}' already exists.`);
  }
  const tags = readTagSpecifications(input.TagSpecifications, ["key-pair"])("key-pair");
  call.commit();
  const hash = createHash("md5").update(Buffer.from(text.split(" ")[1] ?? "", "base64"));
  const fingerprint = (hash.digest("hex").match(/../g) ?? []).join(":");
  const pair = { id: newId("key"), tags, name, fingerprint, createdAt: call.now };
  call.store.keyPairs.set(pair.id, pair);
  return { KeyPairId: pair.id, KeyName: name, KeyFingerprint: fingerprint, ...tagList(tags) };
}

function describeKeyPairs(input: DescribeKeyPairsRequest, call: Call): DescribeKeyPairsResult {
  const named = input.KeyNames?.map((name) => findKeyPair(call, name)) ?? [
    ...call.store.keyPairs.values(),
  ];
  const matching = applyFilters(named, input.Filters, {
    fingerprint: (one) => one.fingerprint,
    "key-name": (one) => one.name,
    "key-pair-id": (one) => one.id,
  });
  return {
    KeyPairs: matching.map((one) => ({
      KeyPairId: one.id,
      KeyName: one.name,
      KeyFingerprint: one.fingerprint,
      CreateTime: one.createdAt,
      ...tagList(one.tags),
    })),
  };
}

/** One that there is not is as good as deleted. */
function deleteKeyPair(input: DeleteKeyPairRequest, call: Call): DeleteKeyPairResult {
  call.commit();
  const found = [...call.store.keyPairs.values()].find((one) => one.name === input.KeyName);
  if (found !== undefined) call.store.keyPairs.delete(found.id);
  return { Return: true };
}
