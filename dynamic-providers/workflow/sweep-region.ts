/**
 * Looks for everything that any run has left in one account and region, and ends it run by run.
 * For a person without the stack: `npx amicopy sweep`. What is ended is `plan-sweep.ts`'s to say,
 * how it is ended `sweep-run.ts`'s.
 */

import { Tag } from "../../agent/contract.ts";
import type { Ec2 } from "../ec2/ec2.ts";
import type { Image } from "../ec2/image.ts";
import type { Tags } from "../ec2/tags.ts";
import {
  type FoundThing,
  type PlannedRun,
  planSweep,
  type SweepPlan,
  type SweepWishes,
} from "./plan-sweep.ts";
import { inStep } from "./run.ts";
import { sweepLeftovers } from "./sweep-run.ts";
import type { Waiting } from "./wait-until.ts";

const STEP = "sweep-region";

/** Renewals that a living controller would have made meanwhile: one may be late. */
const RENEWALS_WATCHED = 2.5;

export interface SweepRequest {
  /** Only this run. */
  readonly runId?: string;
  readonly olderThanMs: number;
  readonly force: boolean;
  /** Told before a wait of a minute or more. */
  readonly report: (text: string) => void;
}

/** Only looks. Takes a minute longer when a helper runs whose lease should have ended. */
export async function lookAtRegion(
  cloud: Ec2,
  waiting: Waiting,
  request: SweepRequest,
): Promise<SweepPlan> {
  return inStep(waiting, STEP, async () => {
    const things = await findThings(cloud, request.runId);
    const wishes = { ...request, nowMs: waiting.clock.now(), renewed: new Set<string>() };
    const plan = planSweep(things, wishes);
    const suspects = request.force ? [] : runningHelpers(plan);
    if (suspects.length === 0) return plan;
    const watchMs = waiting.limits.leaseRenewMs * RENEWALS_WATCHED;
    request.report(`looking for ${Math.round(watchMs / 1000)} s whether ${suspects} is in use`);
    await waiting.clock.sleep(watchMs, waiting.signal);
    const later = await findThings(cloud, request.runId);
    return planSweep(later, { ...wishes, renewed: renewedBetween(things, later) });
  });
}

/** Helpers that are about to be ended although they are not on their way out. */
function runningHelpers({ runs }: SweepPlan): string[] {
  return runs
    .flatMap(({ things }) => things)
    .filter(({ kind, state, end }) => end && kind === "instance" && /pending|running/.test(state))
    .map(({ id }) => id);
}

function renewedBetween(before: readonly FoundThing[], after: readonly FoundThing[]): Set<string> {
  const leases = new Map(before.map(({ id, tags }) => [id, tags[Tag.lease]]));
  const renewed = after.filter(
    ({ id, kind, tags }) =>
      kind === "instance" && leases.has(id) && tags[Tag.lease] !== leases.get(id),
  );
  return new Set(renewed.map(({ id }) => id));
}

/**
 * Ends what a plan says of one run; what it says to keep stays. Looks once more first, because a
 * person may have read the plan for a while.
 *
 * @returns What was ended; `undefined` when the run has come to life since the plan was made.
 */
export async function sweepPlannedRun(
  cloud: Ec2,
  waiting: Waiting,
  { runId }: PlannedRun,
  request: SweepRequest,
): Promise<readonly string[] | undefined> {
  return inStep(waiting, STEP, async () => {
    const wishes: SweepWishes = { ...request, nowMs: waiting.clock.now(), renewed: new Set() };
    const { runs, strangers } = planSweep(await findThings(cloud, runId), wishes);
    const [now] = runs;
    if (now === undefined) return [];
    if (!now.end) return undefined;
    const kept = [...strangers, ...now.things.filter(({ end }) => !end)];
    const spared = new Set(kept.map(({ id }) => id));
    return sweepLeftovers(runId, cloud, waiting, { spared });
  });
}

/** @param runId - Absent: of any run. */
async function findThings(cloud: Ec2, runId: string | undefined): Promise<FoundThing[]> {
  const tags = { [Tag.run]: runId };
  const [instances, volumes, images, snapshots, groups] = await Promise.all([
    cloud.describeInstances({ tags }),
    cloud.describeVolumes({ tags }),
    cloud.describeImages({ owner: "self", tags }),
    cloud.describeSnapshots({ tags }),
    cloud.describeSecurityGroups({ tags }),
  ]);
  const of = <Thing extends { tags: Tags; state?: string }>(
    kind: FoundThing["kind"],
    things: readonly Thing[],
    idOf: (thing: Thing) => string,
  ): FoundThing[] =>
    things
      .filter(({ state = "" }) => !GONE.has(state))
      .map((thing) => ({
        kind,
        id: idOf(thing),
        tags: thing.tags,
        ...(thing.state !== undefined && { state: thing.state }),
      }));
  return [
    ...of("instance", instances, ({ instanceId }) => instanceId),
    ...of("volume", volumes, ({ volumeId }) => volumeId),
    ...images.filter(({ state }) => !GONE.has(state)).map(foundImage),
    ...of("snapshot", snapshots, ({ snapshotId }) => snapshotId),
    ...of("security group", groups, ({ groupId }) => groupId),
  ];
}

/** EC2 shows some things for an hour after their end. */
const GONE: ReadonlySet<string> = new Set(["terminated", "deleting", "deleted", "deregistered"]);

function foundImage({ imageId, state, tags, blockDevices }: Image): FoundThing {
  const snapshotIds = blockDevices.flatMap((device) =>
    device.kind === "snapshot" ? [device.snapshotId] : [],
  );
  return { kind: "image", id: imageId, state, tags, snapshotIds };
}
