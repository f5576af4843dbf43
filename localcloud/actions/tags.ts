/** CreateTags, DeleteTags, DescribeTags. */

import type {
  CreateTagsRequest,
  DeleteTagsRequest,
  DescribeTagsRequest,
  DescribeTagsResult,
} from "@aws-sdk/client-ec2";
import { type Action, type Call, ec2Action } from "../call.ts";
import { applyPlainFilters } from "../filters.ts";
import { checkId, notFound, prefixOf, RESOURCE_TYPE } from "../ids.ts";
import { paginate } from "../paging.ts";
import { ApiError, invalidValue, missingParameter } from "../protocol/api-error.ts";
import type { Tagged } from "../records/tagged.ts";
import { checkMetadataTagKeys, checkTagCount, readTags } from "../tags.ts";

export const TAG_ACTIONS: readonly Action[] = [
  ec2Action<CreateTagsRequest, object>("CreateTags", ["Resources", "Tags"], createTags),
  ec2Action<DeleteTagsRequest, object>("DeleteTags", ["Resources", "Tags"], deleteTags),
  ec2Action<DescribeTagsRequest, DescribeTagsResult>(
    "DescribeTags",
    ["Filters", "MaxResults", "NextToken"],
    describeTags,
  ),
];

/** [SDK CreateTagsRequest]: up to 1000 resource ids. */
const RESOURCES_MAX_COUNT = 1000;

/** All or none: every id and every limit is looked at before the first tag is set. */
function createTags(input: CreateTagsRequest, call: Call): object {
  const things = findThings(call, input.Resources);
  const tags = readTags(input.Tags);
  if (tags.size === 0) throw missingParameter("Tag");
  for (const thing of things) {
    checkTagCount(new Map([...thing.tags, ...tags]));
    const instance = call.store.instances.get(thing.id);
    if (instance?.metadataOptions.instanceMetadataTags === "enabled") checkMetadataTagKeys(tags);
  }
  call.commit();
  for (const thing of things) {
    for (const [key, value] of tags) thing.tags.set(key, value);
  }
  return {};
}

/** A tag given with a value goes only if it has that value; without tags all go. */
function deleteTags(input: DeleteTagsRequest, call: Call): object {
  const things = findThings(call, input.Resources);
  call.commit();
  for (const { tags } of things) {
    if (input.Tags === undefined) tags.clear();
    for (const { Key: key = "", Value: value } of input.Tags ?? []) {
      if (value === undefined || tags.get(key) === value) tags.delete(key);
    }
  }
  return {};
}

function findThings(call: Call, ids: readonly string[] | undefined): Tagged[] {
  if (ids === undefined || ids.length === 0) throw missingParameter("ResourceId");
  if (ids.length > RESOURCES_MAX_COUNT) {
    throw invalidValue(`More than ${RESOURCES_MAX_COUNT} resources in one call.`);
  }
  return ids.map((id) => {
    const prefix = prefixOf(id);
    if (prefix === undefined) throw new ApiError("InvalidID", `The ID '${id}' is not valid`);
    checkId(prefix, id);
    const thing = taggedThings(call).find((one) => one.id === id);
    if (thing === undefined) throw notFound(prefix, id);
    return thing;
  });
}

/** Everything of the caller's that can have tags. */
function taggedThings(call: Call): Tagged[] {
  const { store } = call;
  const instances = [...store.instances.values()];
  const groups = [...store.groups.values()];
  return [
    ...[...store.images.values()].filter((image) => !image.deregistered),
    ...store.snapshots.values(),
    ...store.volumes.values(),
    ...instances,
    ...instances
      .filter((one) => one.state.at(call.nowMs) !== "terminated")
      .map((one) => one.networkInterface),
    ...groups,
    ...groups.flatMap((group) => group.rules),
    ...store.subnets.values(),
    ...store.vpcs.values(),
    ...store.keyPairs.values(),
    ...store.routeTables.values(),
    ...store.internetGateways.values(),
    ...store.natGateways.values(),
    ...store.addresses.values(),
  ];
}

interface OneTag {
  readonly id: string;
  readonly type: string;
  readonly key: string;
  readonly value: string;
}

function describeTags(input: DescribeTagsRequest, call: Call): DescribeTagsResult {
  const all = taggedThings(call).flatMap((thing): OneTag[] => {
    const prefix = prefixOf(thing.id);
    const type = prefix === undefined ? "" : RESOURCE_TYPE[prefix];
    return [...thing.tags].map(([key, value]) => ({ id: thing.id, type, key, value }));
  });
  const matching = applyPlainFilters(
    all,
    input.Filters,
    {
      key: (tag) => tag.key,
      "resource-id": (tag) => tag.id,
      "resource-type": (tag) => tag.type,
      value: (tag) => tag.value,
    },
    (tag) => new Map([[tag.key, tag.value]]),
  );
  const page = paginate(matching, input, { minimum: 5, maximum: 1000 });
  return {
    Tags: page.items.map(({ id, type, key, value }) => ({
      ResourceId: id,
      ResourceType: type as "image",
      Key: key,
      Value: value,
    })),
    NextToken: page.NextToken,
  };
}
