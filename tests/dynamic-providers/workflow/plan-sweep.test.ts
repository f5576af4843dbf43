/** What a sweep ends and what it keeps: each rule, then all of them over generated regions. */

import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import {
  type FoundThing,
  formatSpan,
  planSweep,
  type SweepWishes,
} from "../../../dynamic-providers/workflow/plan-sweep.ts";
import { fuzz } from "../../support/fuzz.ts";

const NOW_MS = Date.parse("2026-11-24T12:00:00Z");
const HOUR_MS = 3_600_000;
const WISHES: SweepWishes = { nowMs: NOW_MS, olderThanMs: 0, force: false, renewed: new Set() };

const at = (hours: number) => new Date(NOW_MS + hours * HOUR_MS).toISOString();

function thing(
  kind: FoundThing["kind"],
  id: string,
  tags: Readonly<Record<string, string | undefined>> = {},
  more: Partial<FoundThing> = {},
): FoundThing {
  const all = {
    "amicopy:run": "00000000000000aa",
    "amicopy:role": kind === "image" || kind === "snapshot" ? kind : "source-helper",
    "amicopy:expires": at(-3),
    ...tags,
  };
  const given = Object.entries(all).flatMap(([key, value]) =>
    value === undefined ? [] : [[key, value] as const],
  );
  return { kind, id, tags: Object.fromEntries(given), ...more };
}

function ended(things: readonly FoundThing[], wishes: Partial<SweepWishes> = {}): string[] {
  const { runs, strangers } = planSweep(things, { ...WISHES, ...wishes });
  return [...strangers, ...runs.flatMap((run) => run.things)]
    .filter(({ end }) => end)
    .map(({ id }) => id);
}

const reason = (things: readonly FoundThing[], wishes: Partial<SweepWishes> = {}) =>
  planSweep(things, { ...WISHES, ...wishes }).runs.map(({ why }) => why);

test("a run whose lease has ended is ended, and the reason says since when", () => {
  const things = [thing("instance", "i-1"), thing("volume", "vol-1")];
  assert.deepEqual(ended(things), ["i-1", "vol-1"]);
  assert.deepEqual(reason(things), ["its lease ended 3 h ago (2026-11-24T09:00:00.000Z)"]);
});

test("one lease that runs keeps the whole run, unless forced", () => {
  const things = [thing("instance", "i-1"), thing("volume", "v", { "amicopy:expires": at(1) })];
  assert.deepEqual(ended(things), []);
  assert.deepEqual(reason(things), ["its lease runs until 2026-11-24T13:00:00.000Z"]);
  assert.deepEqual(ended(things, { force: true }), ["i-1", "v"]);
  assert.match(reason(things, { force: true })[0] ?? "", /; ended by force$/);
});

test("a helper whose lease is renewed keeps its run, whatever the clock says", () => {
  const renewed = new Set(["i-1"]);
  const things = [thing("instance", "i-1"), thing("volume", "vol-1")];
  assert.deepEqual(ended(things, { renewed }), []);
  assert.deepEqual(reason(things, { renewed }), ["at work: the lease of i-1 is being renewed"]);
  assert.deepEqual(ended(things, { renewed, force: true }), ["i-1", "vol-1"]);
});

test("a time that cannot be read is a lease that runs", () => {
  assert.deepEqual(ended([thing("volume", "v", { "amicopy:expires": "soon" })]), []);
});

test("older-than asks for leases that ended long enough ago", () => {
  assert.deepEqual(ended([thing("volume", "v")], { olderThanMs: 2 * HOUR_MS }), ["v"]);
  assert.deepEqual(ended([thing("volume", "v")], { olderThanMs: 4 * HOUR_MS }), []);
  assert.match(
    reason([thing("volume", "v")], { olderThanMs: 4 * HOUR_MS })[0] ?? "",
    /less than 4 h/,
  );
});

test("a claimed image and its snapshots stay, also by force; the rest of their run goes", () => {
  const claimed = { "amicopy:claimed": at(-20), "amicopy:expires": undefined };
  const things = [
    thing("image", "ami-1", claimed, { snapshotIds: ["snap-1"] }),
    thing("snapshot", "snap-1"),
    thing("snapshot", "snap-2"),
    thing("security group", "sg-1"),
  ];
  assert.deepEqual(ended(things), ["snap-2", "sg-1"]);
  assert.deepEqual(ended(things, { force: true }), ["snap-2", "sg-1"]);
});

test("an unclaimed image goes with its snapshots", () => {
  const image = thing("image", "ami-1", {}, { snapshotIds: ["snap-1"] });
  assert.deepEqual(ended([image, thing("snapshot", "snap-1")]), ["ami-1", "snap-1"]);
});

test("what is just being claimed has no lease any more, and stays", () => {
  const bare = { "amicopy:expires": undefined };
  const image = thing("image", "ami-1", bare, { snapshotIds: ["snap-1"] });
  const things = [image, thing("snapshot", "snap-1", bare)];
  assert.deepEqual(ended(things, { force: true }), []);
});

test("an image that was being registered again goes, the snapshots it had before stay", () => {
  const image = thing("image", "ami-1", {}, { snapshotIds: ["snap-1"] });
  assert.deepEqual(ended([image, thing("snapshot", "snap-1", { "amicopy:expires": undefined })]), [
    "ami-1",
  ]);
});

test("snapshots of a finished copy stay when somebody has deregistered its image", () => {
  const things = [thing("snapshot", "snap-1", { "amicopy:expires": undefined })];
  assert.deepEqual(ended(things, { force: true }), []);
  assert.deepEqual(reason(things), ["nothing to end: what is there belongs to a stack"]);
});

test("what has only some of our tags is a stranger's", () => {
  const things = [
    thing("volume", "v-1", { "amicopy:run": "my run" }),
    thing("volume", "v-2", { "amicopy:role": undefined }),
    thing("volume", "v-3", { "amicopy:role": "my role" }),
  ];
  const plan = planSweep(things, { ...WISHES, force: true });
  assert.deepEqual(plan.runs, []);
  assert.deepEqual(
    plan.strangers.map(({ id, end }) => [id, end]),
    [
      ["v-1", false],
      ["v-2", false],
      ["v-3", false],
    ],
  );
});

test("runs are judged each by itself", () => {
  const other = { "amicopy:run": "00000000000000bb", "amicopy:expires": at(1) };
  assert.deepEqual(ended([thing("volume", "v-1"), thing("volume", "v-2", other)]), ["v-1"]);
});

test("spans are told in two units at most", () => {
  const cases = [
    [119, "119 s"],
    [120, "2 min"],
    [7199, "119 min"],
    [7200, "2 h"],
    [11_100, "3 h 5 min"],
    [200_000, "2 d 7 h"],
  ] as const;
  for (const [seconds, text] of cases) assert.equal(formatSpan(seconds * 1000), text);
});

test("in any region: claimed images, their snapshots and living leases are never touched", async (t) => {
  const tagged = fc.record({
    kind: fc.constantFrom<FoundThing["kind"]>("instance", "volume", "image", "snapshot"),
    run: fc.constantFrom("00000000000000aa", "00000000000000bb", "foreign"),
    expires: fc.oneof(fc.constantFrom(undefined, at(-3), at(-1), at(1), "never", ""), fc.string()),
    claimed: fc.option(fc.constant(at(-5)), { nil: undefined }),
    snapshots: fc.array(fc.nat(9), { maxLength: 3 }),
  });
  const region = fc.array(tagged, { maxLength: 10 });
  const property = fc.property(region, fc.boolean(), fc.nat(3), (drawn, force, olderThan) => {
    const things = drawn.map(({ kind, run, expires, claimed, snapshots }, index) =>
      thing(
        kind,
        `${kind}-${index}`,
        { "amicopy:run": run, "amicopy:expires": expires, "amicopy:claimed": claimed },
        kind === "image" ? { snapshotIds: snapshots.map((number) => `snapshot-${number}`) } : {},
      ),
    );
    const gone = new Set(ended(things, { force, olderThanMs: olderThan * HOUR_MS }));
    for (const one of things) {
      if (!gone.has(one.id)) continue;
      const { tags, id } = one;
      assert.notEqual(tags["amicopy:run"], "foreign");
      assert.equal(tags["amicopy:claimed"], undefined);
      const ofRun = things.filter((other) => other.tags["amicopy:run"] === tags["amicopy:run"]);
      const owners = ofRun.filter(({ snapshotIds = [] }) => snapshotIds.includes(id));
      assert.ok(owners.every((owner) => owner.tags["amicopy:claimed"] === undefined));
      assert.ok(tags["amicopy:expires"] !== undefined);
      if (!force) assert.ok(Date.parse(tags["amicopy:expires"]) <= NOW_MS);
    }
  });
  await fuzz(t, property, 500);
});
