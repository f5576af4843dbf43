/**
 * EC2 is eventually consistent: for some seconds a new thing is missing from describes, or there
 * without its tags, and a changed tag has its old value. [API eventual-consistency]
 *
 * Nothing is hidden in the store. What a describe answers is thinned out on its way to the caller.
 */

import type { Filter } from "@aws-sdk/client-ec2";
import { idsIn } from "../call-log.ts";
import { checkId, type IdPrefix, notFound, prefixOf } from "../ids.ts";
import type { Cloud, Store } from "../store.ts";
import type { FiredFault } from "./fault-log.ts";
import type { LAGGING, Rule } from "./fault-rule.ts";
import type { Happening, RuleMatcher } from "./rule-matcher.ts";

type Tags = ReadonlyMap<string, string>;

/** What is not seen yet of a thing. */
interface Lagging {
  readonly hiddenUntilMs: number;
  readonly seenBy: Rule<"lag">["seenBy"];
  /** In their order. */
  readonly changes: readonly TagChange[];
}

/** A change of tags is seen by itself, however many follow it. */
interface TagChange {
  readonly untilMs: number;
  /** Those before it. */
  readonly oldTags: Tags;
}

const KIND: Partial<Record<IdPrefix, (typeof LAGGING)[number]>> = {
  i: "instance",
  vol: "volume",
  snap: "snapshot",
  ami: "image",
  sg: "security-group",
};

/** Where the things are in an answer, and what their id is called. */
const LISTS: Readonly<Record<string, { list: string; id: string; within?: string }>> = {
  DescribeInstances: { list: "Reservations", within: "Instances", id: "InstanceId" },
  DescribeInstanceStatus: { list: "InstanceStatuses", id: "InstanceId" },
  DescribeVolumes: { list: "Volumes", id: "VolumeId" },
  DescribeSnapshots: { list: "Snapshots", id: "SnapshotId" },
  DescribeImages: { list: "Images", id: "ImageId" },
  DescribeSecurityGroups: { list: "SecurityGroups", id: "GroupId" },
  DescribeTags: { list: "Tags", id: "ResourceId" },
};

/** What a call makes, by the prefix of its id; with an instance or image, its volumes or snapshots. */
const MADE: Readonly<Record<string, IdPrefix>> = {
  RunInstances: "i",
  CreateVolume: "vol",
  CreateSnapshot: "snap",
  CreateSnapshots: "snap",
  CreateImage: "ami",
  CopyImage: "ami",
  RegisterImage: "ami",
  CreateSecurityGroup: "sg",
};

/** Ours. Only what was made in the last minutes lags; the oldest is forgotten. */
const LAGGING_MAX_COUNT = 10_000;
/** Ours. Of more changes of one thing's tags the oldest are seen early. */
const CHANGES_MAX_COUNT = 100;

type Item = Readonly<Record<string, unknown>>;

export class Lag {
  readonly #matchers: readonly RuleMatcher<Rule<"lag">>[];
  readonly #things = new Map<string, Lagging>();
  readonly #tell: (fired: FiredFault) => void;

  constructor(
    matchers: readonly RuleMatcher<Rule<"lag">>[],
    tell: (fired: FiredFault) => void = () => {},
  ) {
    this.#matchers = matchers;
    this.#tell = tell;
  }

  /** @throws ApiError `….NotFound` when the call names something that is not to be seen yet. */
  check({ action }: Happening, input: Item, nowMs: number): void {
    if (this.#things.size === 0) return;
    const describes = /^(Describe|Get)/.test(action);
    for (const id of idsIn({ ...input, Filters: undefined })) {
      const lagging = this.#things.get(id);
      const prefix = prefixOf(id);
      if (lagging === undefined || prefix === undefined || nowMs >= lagging.hiddenUntilMs) continue;
      if (!describes && lagging.seenBy === "describes") continue;
      checkId(prefix, id);
      throw notFound(prefix, id);
    }
  }

  /** To be asked before tags change: for a time they are seen as they are now. */
  beforeTagging(happening: Happening, input: Item, { cloud, nowMs }: Moment): void {
    if (!/^(Create|Delete)Tags$/.test(happening.action)) return;
    if (this.#matchers.length === 0) return;
    for (const id of idsIn(input.Resources)) {
      const tags = cloud.allStores().flatMap((store) => thingOf(store, id)?.tags ?? [])[0];
      if (tags !== undefined)
        this.#add(happening, id, { nowMs, oldTags: new Map(tags), made: false });
    }
  }

  /** To be told what a call has made. */
  afterMaking(happening: Happening, output: object, { cloud, nowMs }: Moment): void {
    const prefix = MADE[happening.action];
    if (prefix === undefined || this.#matchers.length === 0) return;
    for (const id of madeBy(output, prefix, cloud)) {
      // A repeated request with its client token makes nothing.
      if (this.#things.has(id)) continue;
      this.#add(happening, id, { nowMs, oldTags: new Map(), made: true });
    }
  }

  /** What the caller sees of an answer. */
  thin({ action }: Happening, input: Item, output: object, nowMs: number): object {
    const place = LISTS[action];
    if (place === undefined || this.#things.size === 0) return output;
    const answer = output as Record<string, readonly Item[] | undefined>;
    const see = (items: readonly Item[]): Item[] =>
      items.flatMap((item) => this.#seen(item, { id: place.id, input, action, nowMs }));
    const items = answer[place.list] ?? [];
    const { within } = place;
    const seen =
      within === undefined
        ? see(items)
        : items
            .map((item) => ({ ...item, [within]: see(item[within] as Item[]) }))
            .filter((item) => (item[within] as Item[]).length > 0);
    return { ...output, [place.list]: seen };
  }

  /** The tags of a thing as its metadata service shows them. */
  tagsOf({ id, tags }: { readonly id: string; readonly tags: Tags }, nowMs: number): Tags {
    return oldTagsOf(this.#things.get(id), nowMs) ?? tags;
  }

  #seen(
    item: Item,
    about: { readonly id: string; readonly input: Item; readonly action: string; nowMs: number },
  ): Item[] {
    const lagging = this.#things.get(String(item[about.id]));
    if (lagging === undefined) return [item];
    if (about.nowMs < lagging.hiddenUntilMs) return [];
    const oldTags = oldTagsOf(lagging, about.nowMs);
    if (oldTags === undefined) return [item];
    if (about.action === "DescribeTags") {
      return oldTags.get(String(item.Key)) === item.Value ? [item] : [];
    }
    if (!hasTags(oldTags, (about.input.Filters ?? []) as readonly Filter[])) return [];
    return [{ ...item, Tags: [...oldTags].map(([Key, Value]) => ({ Key, Value })) }];
  }

  #add(
    happening: Happening,
    id: string,
    { nowMs, oldTags, made }: { nowMs: number; oldTags: Tags; made: boolean },
  ): void {
    const kind = KIND[prefixOf(id) ?? "rtb"];
    if (kind === undefined) return;
    // All rules that are about this kind count it.
    const [meeting] = this.#matchers.filter(
      (matcher) =>
        matcher.rule.of.includes(kind) &&
        (made || matcher.rule.tagsForMs > 0) &&
        matcher.meets(happening),
    );
    if (meeting === undefined) return;
    const { forMs, tagsForMs, seenBy } = meeting.rule;
    const before = this.#things.get(id);
    this.#things.set(id, {
      hiddenUntilMs: made ? nowMs + forMs : (before?.hiddenUntilMs ?? 0),
      seenBy,
      changes: [
        ...(before?.changes ?? []).filter(({ untilMs }) => nowMs < untilMs),
        { untilMs: nowMs + tagsForMs, oldTags },
      ].slice(-CHANGES_MAX_COUNT),
    });
    const [oldest] = this.#things.keys();
    if (this.#things.size > LAGGING_MAX_COUNT && oldest !== undefined) this.#things.delete(oldest);
    this.#tell({
      at: new Date(nowMs),
      rule: meeting.index,
      fault: "lag",
      to: `${id} ${happening.profile} ${happening.region}`,
      what: made
        ? `not seen for ${forMs} ms, its tags for ${tagsForMs} ms`
        : `tags for ${tagsForMs} ms`,
    });
  }
}

interface Moment {
  readonly cloud: Cloud;
  readonly nowMs: number;
}

/** What is seen instead of the tags of now: those before the first change that is not seen yet. */
function oldTagsOf(lagging: Lagging | undefined, nowMs: number): Tags | undefined {
  return lagging?.changes.find(({ untilMs }) => nowMs < untilMs)?.oldTags;
}

function thingOf(store: Store, id: string) {
  const { instances, volumes, snapshots, images, groups } = store;
  for (const map of [instances, volumes, snapshots, images, groups]) {
    const thing = map.get(id);
    if (thing !== undefined) return thing;
  }
  return undefined;
}

/** The things of that kind in an answer, the volumes of instances and the snapshots of images. */
function madeBy(output: object, prefix: IdPrefix, cloud: Cloud): string[] {
  const made = idsIn(output).filter((id) => prefixOf(id) === prefix);
  if (prefix === "ami") return [...made, ...made.flatMap((id) => snapshotsMadeWith(id, cloud))];
  if (prefix !== "i") return made;
  const volumes = cloud
    .allStores()
    .flatMap((store) => [...store.volumes.values()])
    .filter(({ attachment }) => attachment !== undefined && made.includes(attachment.instanceId));
  return [...made, ...volumes.map(({ id }) => id)];
}

/** An image may also be of snapshots that were there before; those made with it are as old as it. */
function snapshotsMadeWith(imageId: string, cloud: Cloud): string[] {
  return cloud.allStores().flatMap(({ images, snapshots }) => {
    const { createdAt, mappings = [] } = images.get(imageId) ?? {};
    return mappings.flatMap(({ Ebs: { SnapshotId: id = "" } = {} }) =>
      createdAt?.getTime() === snapshots.get(id)?.startedAt.getTime() ? id : [],
    );
  });
}

function hasTags(tags: Tags, filters: readonly Filter[]): boolean {
  return filters.every(({ Name: name = "", Values: values = [] }) => {
    if (name === "tag-key") return values.some((key) => tags.has(key));
    if (!name.startsWith("tag:")) return true;
    const value = tags.get(name.slice("tag:".length));
    return value !== undefined && values.includes(value);
  });
}
