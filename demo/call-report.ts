/** What the copy did, told from localcloud's log of calls: everything made, and when. */

import type { KeptCall } from "./keep-localcloud.ts";
import type { Stopwatch } from "./stopwatch.ts";

/** Calls that make something, and the prefix of the ids that are made. */
const MAKERS: Readonly<Record<string, readonly string[]>> = {
  CreateSecurityGroup: ["sg"],
  RunInstances: ["i", "vol"],
  CreateSnapshot: ["snap"],
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

/** The steps of a copy, each by the call that begins it. */
const STEPS: readonly { readonly name: string; readonly begins: string }[] = [
  { name: "preflight", begins: "GetCallerIdentity" },
  { name: "helpers boot, are introduced and copy", begins: "RunInstances" },
  { name: "snapshots", begins: "CreateSnapshot" },
  { name: "licence donor runs, stops, gets the volumes", begins: "CreateVolume" },
  { name: "image of it made, verified, swept", begins: "CreateImage" },
  { name: "registered, verified, swept", begins: "RegisterImage" },
];

export function addStepTimes(stopwatch: Stopwatch, calls: readonly KeptCall[]): void {
  const starts = STEPS.flatMap(({ name, begins }) => {
    const call = calls.find(({ action, outcome }) => action === begins && outcome === "ok");
    return call === undefined ? [] : [{ name, atMs: call.atMs }];
  });
  for (const [i, { name, atMs }] of starts.entries()) {
    const endMs = starts[i + 1]?.atMs ?? calls.at(-1)?.atMs ?? atMs;
    stopwatch.addInner(name, endMs - atMs);
  }
}
