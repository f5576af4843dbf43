/** What the copy did, told from localcloud's log of calls: everything made, and when. */

import type { KeptCall } from "./keep-localcloud.ts";
import type { Stopwatch } from "./stopwatch.ts";

/** Calls that make something, and the prefix of the ids that are made. */
const MAKERS: Readonly<Record<string, readonly string[]>> = {
  CreateSecurityGroup: ["sg"],
  RunInstances: ["i", "vol"],
  CreateSnapshot: ["snap"],
  CreateSnapshots: ["snap"],
  CreateVolume: ["vol"],
  CreateImage: ["ami"],
  RegisterImage: ["ami"],
};

export interface CreatedThing {
  readonly id: string;
  readonly region: string;
}

/** Every id that first appears in the answer of a call that makes such things. */
export function createdThings(calls: readonly KeptCall[]): CreatedThing[] {
  const seen = new Set<string>();
  const created: CreatedThing[] = [];
  for (const { action, ids, outcome, region = "" } of calls) {
    const prefixes = outcome === "ok" ? (MAKERS[action] ?? []) : [];
    for (const id of ids) {
      if (!seen.has(id) && prefixes.includes(id.slice(0, id.indexOf("-")))) {
        created.push({ id, region });
      }
      seen.add(id);
    }
  }
  return created;
}

interface Step {
  readonly name: string;
  /** The call with which it begins: the first of all, or the first after another. */
  readonly begins: string;
  readonly after?: string;
}

/** Of a copy whose source is booted: before the others. */
const BOOT: Step = { name: "the source is started, stopped, snapshotted", begins: "RunInstances" };

/** The steps of a copy. */
const STEPS: readonly Step[] = [
  { name: "preflight", begins: "GetCallerIdentity" },
  {
    name: "helpers boot, are introduced and copy",
    begins: "RunInstances",
    after: "CreateSnapshots",
  },
  { name: "snapshots", begins: "CreateSnapshot" },
  { name: "licence donor runs, stops, gets the volumes", begins: "CreateVolume" },
  { name: "image of it made, verified, swept", begins: "CreateImage" },
  { name: "registered, verified, swept", begins: "RegisterImage" },
];

export function addStepTimes(stopwatch: Stopwatch, calls: readonly KeptCall[]): void {
  const first = (name: string, from = -1) =>
    calls.findIndex(({ action, outcome }, i) => i > from && action === name && outcome === "ok");
  const isBooted = first("CreateSnapshots") >= 0;
  const starts = (isBooted ? [BOOT, ...STEPS] : STEPS)
    .flatMap(({ name, begins, after }) => {
      const from = after === undefined ? -1 : first(after);
      const call = calls[first(begins, from)];
      return call === undefined ? [] : [{ name, atMs: call.atMs }];
    })
    .toSorted((a, b) => a.atMs - b.atMs);
  for (const [i, { name, atMs }] of starts.entries()) {
    const endMs = starts[i + 1]?.atMs ?? calls.at(-1)?.atMs ?? atMs;
    stopwatch.addInner(name, endMs - atMs);
  }
}
