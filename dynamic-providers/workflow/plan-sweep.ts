/**
 * What a sweep of a region ends and what it keeps, and why: decided from tags alone, and from
 * nothing but what is given here. `sweep-region.ts` looks before and acts afterwards.
 *
 *   claimed image, and its snapshots     kept, always: a row of a stack owns and deletes them
 *   no `amicopy:expires`                 kept, always: a stack that owns an image takes that tag off
 *                                        it and its snapshots, so this is of a finished copy. Its stack
 *                                        may register the image again, even when its source is gone
 *   run whose lease has not ended        kept, unless forced: one thing whose `amicopy:expires` is
 *                                        ahead, or one helper whose `amicopy:lease` is being renewed
 *   everything else of a run             ended
 *
 * A run is judged as a whole: what looks old may be of an older attempt of a run that is at work.
 */

import { Role, RUN_ID_PATTERN, Tag } from "../../agent/contract.ts";
import type { Tags } from "../ec2/tags.ts";
import { attemptOf } from "./claim-attempt.ts";

/** One thing of the region that carries `amicopy:run` and is still there. */
export interface FoundThing {
  readonly kind: "instance" | "volume" | "image" | "snapshot" | "security group";
  readonly id: string;
  /** As EC2 says it; absent for groups, which have none. */
  readonly state?: string;
  readonly tags: Tags;
  /** Of an image: those it consists of. */
  readonly snapshotIds?: readonly string[];
}

export interface SweepWishes {
  readonly nowMs: number;
  /** Only runs whose lease ended at least this long ago. */
  readonly olderThanMs: number;
  /** Also runs whose lease has not ended. */
  readonly force: boolean;
  /** Instances whose lease counter was seen to change: their controller is alive. */
  readonly renewed: ReadonlySet<string>;
}

export interface PlannedThing {
  readonly kind: FoundThing["kind"];
  readonly id: string;
  readonly state: string;
  /** `source-helper, attempt 2`; empty when the tags do not tell. */
  readonly what: string;
  readonly end: boolean;
  /** For what is kept although its run is swept; otherwise the run's reason holds. */
  readonly why: string;
}

export interface PlannedRun {
  readonly runId: string;
  /** Whether anything of it is to be ended. */
  readonly end: boolean;
  readonly why: string;
  readonly things: readonly PlannedThing[];
}

export interface SweepPlan {
  readonly runs: readonly PlannedRun[];
  /** Things with our tag's key but not as we write it: never touched. */
  readonly strangers: readonly PlannedThing[];
}

const ROLES: ReadonlySet<string> = new Set(Object.values(Role));

export function planSweep(things: readonly FoundThing[], wishes: SweepWishes): SweepPlan {
  const strangers = things.filter((thing) => !isOurs(thing));
  const byRun = Map.groupBy(things.filter(isOurs), ({ tags }) => tags[Tag.run] ?? "");
  return {
    runs: [...byRun]
      .toSorted(([a], [b]) => (a < b ? -1 : 1))
      .map(([runId, ofRun]) => planRun(runId, ofRun, wishes)),
    strangers: strangers.map((thing) => planned(thing, false, "its tags are not as amicopy's are")),
  };
}

/** Whether a thing is of a run and as amicopy makes them: somebody may have copied one tag only. */
function isOurs({ tags }: FoundThing): boolean {
  return RUN_ID_PATTERN.test(tags[Tag.run] ?? "") && ROLES.has(tags[Tag.role] ?? "");
}

function planRun(runId: string, things: readonly FoundThing[], wishes: SweepWishes): PlannedRun {
  const reasons = keptAlways(things);
  const candidates = things.filter(({ id }) => !reasons.has(id));
  if (candidates.length === 0) {
    const why = "nothing to end: what is there belongs to a stack";
    return { runId, end: false, why, things: things.map((one) => kept(one, reasons)) };
  }
  const { end, why } = judgeLease(candidates, wishes);
  return {
    runId,
    end,
    why,
    things: things.map((one) =>
      end && !reasons.has(one.id) ? planned(one, true, "") : kept(one, reasons),
    ),
  };
}

/** Ids of what no sweep ends, whatever its lease, with the reason. */
function keptAlways(things: readonly FoundThing[]): Map<string, string> {
  const reasons = new Map<string, string>();
  const claimed = things.filter(isClaimed);
  const ofClaimed = new Set(claimed.flatMap(({ snapshotIds = [] }) => snapshotIds));
  for (const thing of things) {
    const { id, tags } = thing;
    if (isClaimed(thing)) {
      reasons.set(id, "claimed: it belongs to a stack");
    } else if (ofClaimed.has(id)) {
      reasons.set(id, "of a claimed image");
    } else if (tags[Tag.expires] === undefined) {
      reasons.set(id, `no ${Tag.expires}: of a finished copy`);
    }
  }
  return reasons;
}

/** Any kind may carry it: what is claimed, by whomever, is not ours to end. */
function isClaimed({ tags }: FoundThing): boolean {
  return tags[Tag.claimed] !== undefined;
}

function judgeLease(
  things: readonly FoundThing[],
  { nowMs, olderThanMs, force, renewed }: SweepWishes,
): { end: boolean; why: string } {
  const ends = things.map(({ tags }) => Date.parse(tags[Tag.expires] ?? ""));
  const forced = (why: string) => ({ end: force, why: force ? `${why}; ended by force` : why });
  if (ends.some(Number.isNaN)) return forced(`an ${Tag.expires} of it cannot be read`);
  const endMs = Math.max(...ends);
  const alive = things.find(({ id }) => renewed.has(id));
  if (alive !== undefined) return forced(`at work: the lease of ${alive.id} is being renewed`);
  const when = new Date(endMs).toISOString();
  if (endMs > nowMs) return forced(`its lease runs until ${when}`);
  const ago = `its lease ended ${formatSpan(nowMs - endMs)} ago (${when})`;
  if (nowMs - endMs < olderThanMs) {
    return { end: false, why: `${ago}, which is less than ${formatSpan(olderThanMs)}` };
  }
  return { end: true, why: ago };
}

function kept(thing: FoundThing, reasons: ReadonlyMap<string, string>): PlannedThing {
  return planned(thing, false, reasons.get(thing.id) ?? "");
}

function planned(thing: FoundThing, end: boolean, why: string): PlannedThing {
  const { kind, id, state = "", tags } = thing;
  const role = tags[Tag.role] ?? "";
  const attempt = attemptOf(tags);
  const parts = [
    ...(ROLES.has(role) && role !== kind.replace(" ", "-") ? [role] : []),
    ...(attempt > 0 ? [`attempt ${attempt}`] : []),
  ];
  return { kind, id, state, what: parts.join(", "), end, why };
}

/** `45 s`, `12 min`, `3 h 5 min`, `2 d 1 h`. */
export function formatSpan(ms: number): string {
  const seconds = Math.floor(ms / 1000);
  if (seconds < 120) return `${seconds} s`;
  const minutes = Math.floor(seconds / 60);
  if (minutes < 120) return `${minutes} min`;
  const hours = Math.floor(minutes / 60);
  const pair = (big: number, bigUnit: string, small: number, smallUnit: string) =>
    `${big} ${bigUnit}${small > 0 ? ` ${small} ${smallUnit}` : ""}`;
  if (hours < 48) return pair(hours, "h", minutes % 60, "min");
  return pair(Math.floor(hours / 24), "d", hours % 24, "h");
}
