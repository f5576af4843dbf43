/**
 * What a call is about, as IAM would ask it: which things that are there already it names, with the
 * tags they have before the call, and which tags it gives to what it makes.
 */

import type { Call } from "./call.ts";
import { idsIn } from "./call-log.ts";
import type { Tagged } from "./records/tagged.ts";
import type { Store } from "./store.ts";

export interface NamedThing {
  readonly id: string;
  /** As in ARNs: `instance`, `security-group`. */
  readonly kind: string;
  readonly tagKeys: readonly string[];
}

export interface CallSubject {
  readonly things: readonly NamedThing[];
  /** Keys of the tags in the request's tag specifications, by kind. */
  readonly requestTagKeys: Readonly<Record<string, readonly string[]>>;
}

const KINDS: Readonly<Record<string, { kind: string; of: (store: Store) => Map<string, Tagged> }>> =
  {
    ami: { kind: "image", of: ({ images }) => images },
    snap: { kind: "snapshot", of: ({ snapshots }) => snapshots },
    vol: { kind: "volume", of: ({ volumes }) => volumes },
    i: { kind: "instance", of: ({ instances }) => instances },
    sg: { kind: "security-group", of: ({ groups }) => groups },
    subnet: { kind: "subnet", of: ({ subnets }) => subnets },
    vpc: { kind: "vpc", of: ({ vpcs }) => vpcs },
  };

/** To be asked before the call is done. */
export function subjectOf(input: Readonly<Record<string, unknown>>, call: Call): CallSubject {
  const stores = call.cloud.storesIn(call.region);
  const things = idsIn(input).flatMap((id) => {
    const kind = KINDS[id.slice(0, id.indexOf("-"))];
    const [found] = stores.flatMap((store) => kind?.of(store).get(id) ?? []);
    if (kind === undefined || found === undefined) return [];
    return [{ id, kind: kind.kind, tagKeys: [...found.tags.keys()] }];
  });
  const keyPairs = [...call.store.keyPairs.values()]
    .filter(({ name }) => name === input.KeyName)
    .map(({ id, tags }) => ({ id, kind: "key-pair", tagKeys: [...tags.keys()] }));
  return {
    things: [...things, ...keyPairs],
    requestTagKeys: requestTagKeys(input.TagSpecifications),
  };
}

function requestTagKeys(specifications: unknown): Record<string, string[]> {
  const keys: Record<string, string[]> = {};
  if (!Array.isArray(specifications)) return keys;
  // The reader built it by the schema from which the SDK's types are made.
  for (const { ResourceType: kind, Tags: tags = [] } of specifications) {
    keys[String(kind)] = tags.map(({ Key: key }: { Key?: string }) => String(key));
  }
  return keys;
}
