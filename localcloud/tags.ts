/** Tags: their rules, and the tag specifications of create calls. */

import type { Tag, TagSpecification } from "@aws-sdk/client-ec2";
import { ApiError, invalidValue } from "./protocol/api-error.ts";

/** EC2: 50 tags a resource, keys of 1 to 128 and values of up to 256 characters. [BC Tag] */
const TAGS_MAX_COUNT = 50;
const KEY_MAX_LENGTH = 128;
const VALUE_MAX_LENGTH = 256;

/** @throws ApiError as EC2 does for tags that no resource can have. */
export function readTags(tags: readonly Tag[] | undefined): Map<string, string> {
  const map = new Map<string, string>();
  for (const { Key: key = "", Value: value = "" } of tags ?? []) {
    if (key === "") throw invalidValue("Tag keys cannot be empty.");
    if (key.toLowerCase().startsWith("aws:")) {
      throw invalidValue(
        `Value ( ${key} ) for parameter key is invalid. Tag keys starting with 'aws:' are reserved for internal use`,
      );
    }
    if ([...key].length > KEY_MAX_LENGTH) {
      throw invalidValue(
        `Tag key exceeds the maximum length of ${KEY_MAX_LENGTH} characters: ${key.slice(0, 40)}…`,
      );
    }
    if ([...value].length > VALUE_MAX_LENGTH) {
      throw invalidValue(
        `Tag value exceeds the maximum length of ${VALUE_MAX_LENGTH} characters: tag '${key}'`,
      );
    }
    if (map.has(key)) throw invalidValue(`Duplicate tag key '${key}' specified.`);
    map.set(key, value);
  }
  checkTagCount(map);
  return map;
}

/** @throws ApiError `TagLimitExceeded`. */
export function checkTagCount(tags: ReadonlyMap<string, string>): void {
  if (tags.size > TAGS_MAX_COUNT) {
    throw new ApiError("TagLimitExceeded", `More than ${TAGS_MAX_COUNT} tags specified`);
  }
}

/**
 * Tags given in a create call, by kind of thing.
 *
 * @param allowed - Kinds that this call makes; any other is refused.
 */
export function readTagSpecifications(
  specifications: readonly TagSpecification[] | undefined,
  allowed: readonly string[],
): (resourceType: string) => Map<string, string> {
  const byType = new Map<string, Map<string, string>>();
  for (const { ResourceType: type, Tags: tags } of specifications ?? []) {
    if (type === undefined || !allowed.includes(type)) {
      throw invalidValue(`'${type}' is not a valid taggable resource type for this operation.`);
    }
    if (byType.has(type)) {
      throw invalidValue(`The resource type '${type}' is specified more than once.`);
    }
    if (tags === undefined || tags.length === 0) {
      throw invalidValue("Tag specification must have at least one tag");
    }
    byType.set(type, readTags(tags));
  }
  return (type) => new Map(byType.get(type));
}

/** As answers show them; absent when there are none, as EC2 does. */
export function tagList(tags: ReadonlyMap<string, string>): { Tags?: Tag[] } {
  if (tags.size === 0) return {};
  return { Tags: [...tags].map(([Key, Value]) => ({ Key, Value })) };
}

/**
 * The metadata service shows tags as paths: with `InstanceMetadataTags=enabled` every key of the
 * instance must be fit for one.
 */
export function checkMetadataTagKeys(tags: ReadonlyMap<string, string>): void {
  for (const key of tags.keys()) {
    if (!/^[0-9a-zA-Z\-_+=,.@:]{1,255}$/.test(key) || [".", "..", "_index"].includes(key)) {
      throw invalidValue(
        `'${key}' is not a valid tag key. Tag keys must match pattern ` +
          "([0-9a-zA-Z\\\\-_+=,.@:]{1,255}), and must not be a reserved name ('.', '..', '_index')",
      );
    }
  }
}
