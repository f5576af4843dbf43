/**
 * What stands in a stack's state, checked before it is believed. It may be years old, of an earlier
 * or a later version, or edited by hand: what has a sensible default gets it, what is unknown is
 * kept, and what a row cannot do without is asked for in one sentence, never met as a crash.
 */

import type { dynamic } from "@pulumi/pulumi";
import * as v from "valibot";
import { plainError } from "./failure.ts";
import type { ProviderName } from "./stub.ts";

const text = v.pipe(v.string(), v.minLength(1));
const texts = v.record(v.string(), v.string());
const flag = v.boolean();
/** Looked at again by the next refresh, so that nothing is lost with it. */
const droppable = <Schema extends v.GenericSchema>(schema: Schema) =>
  v.fallback(v.optional(schema), undefined as never);

const side = v.looseObject({
  region: text,
  profile: v.optional(text),
  environmentPrefix: v.optional(text),
  expectedAccountId: v.optional(text),
  assumeRole: v.optional(v.looseObject({ roleArn: text })),
});
const request = v.looseObject({
  sourceAmiId: text,
  source: side,
  destination: side,
  name: v.optional(v.string()),
  description: v.optional(v.string()),
  tags: v.optional(texts, {}),
  copyTags: v.optional(flag, true),
  timeoutMinutes: v.optional(v.pipe(v.number(), v.finite()), 1440),
});
const identity = v.looseObject({ region: text, accountId: text, partition: text });
const run = v.looseObject({
  runId: v.pipe(v.string(), v.regex(/^[0-9a-f]{16}$/, "is not 16 hex digits")),
  rowTime: droppable(v.object({ claimedAfter: text, begunBefore: text })),
  source: identity,
  destination: identity,
});
const image = v.looseObject({
  imageId: text,
  region: text,
  partition: text,
  ownerId: text,
  description: v.optional(v.string(), ""),
  imageTags: v.optional(texts, {}),
  fidelity: v.optional(v.array(v.looseObject({})), []),
  snapshots: v.array(v.looseObject({ snapshotId: text })),
});
const wishes = v.looseObject({
  description: v.string(),
  tags: texts,
  launchPermissions: v.optional(v.array(v.looseObject({})), []),
  deprecationTime: v.optional(v.string()),
  disabled: v.optional(flag, false),
});
const observed = v.looseObject({
  registered: flag,
  snapshotIds: v.array(v.string()),
  description: v.string(),
  tags: texts,
  launchPermissions: v.array(v.looseObject({})),
  disabled: flag,
});

const STATES = {
  copyRun: v.looseObject({
    request,
    run,
    // Absent, it was long ago.
    createdAt: v.optional(v.string(), "2026-01-01T00:00:00.000Z"),
    lost: v.optional(flag, false),
  }),
  helperInstance: v.looseObject({ run, outcome: v.optional(text, "aborted") }),
  copiedImage: v.variant("outcome", [
    v.looseObject({ outcome: v.literal("aborted"), request, run }),
    v.pipe(
      v.looseObject({
        outcome: v.literal("complete"),
        request,
        run,
        image,
        wanted: v.optional(wishes),
        observed: droppable(observed),
        unfinished: v.optional(v.literal(true)),
      }),
      v.transform(({ wanted, ...state }) => {
        const { description, imageTags: tags } = state.image;
        const fresh = { description, tags, launchPermissions: [], disabled: false };
        return { ...state, wanted: wanted ?? fresh };
      }),
    ),
  ]),
  imageOwnership: v.looseObject({ run, imageId: v.optional(v.string()) }),
} as const satisfies Record<ProviderName, v.GenericSchema>;

/** @throws Error With a sentence for the person whose state it is. */
export function readState(name: ProviderName, id: string, state: unknown): object {
  const result = v.safeParse(STATES[name], state);
  if (result.success) return result.output;
  const [issue] = result.issues;
  const path = v.getDotPath(issue) ?? "";
  const problem = issue.received === "undefined" ? "is missing" : issue.message;
  const message =
    `what the stack's state says of this row (id ${printable(id)}) cannot be read: ${path}: ${printable(problem)}. ` +
    "If a later version of amicopy has written it, install that one. Otherwise see what is there with " +
    "`npx amicopy sweep --region REGION --dry-run`, delete what nobody needs, and take the row out " +
    "of the state with `pulumi state delete URN`.";
  throw plainError(new Error(message));
}

function printable(words: string): string {
  return String(words)
    .replace(/[^\x20-\x7e]/g, "?")
    .slice(0, 200);
}

/** The provider of a row, which gets to see only states that can be read. */
export function withCheckedState(
  name: ProviderName,
  provider: dynamic.ResourceProvider,
): dynamic.ResourceProvider {
  const { diff, read, update, delete: remove } = provider;
  // Of these rows nothing is deleted, so that nothing need be known of them.
  const isFree = name === "helperInstance" || name === "imageOwnership";
  return {
    ...provider,
    ...(diff && {
      diff: async (id, olds, news) => diff(id, readState(name, id, olds), news),
    }),
    ...(read && {
      read: async (id, props) => read(id, isFree && !props ? {} : readState(name, id, props)),
    }),
    ...(update && {
      update: async (id, olds, news) => update(id, readState(name, id, olds), news),
    }),
    ...(remove && {
      delete: async (id, props) => remove(id, isFree ? props : readState(name, id, props)),
    }),
  } as dynamic.ResourceProvider;
}
