/**
 * What a localcloud does wrong on request: one object beside the cloud, asked at the few places
 * where something can go wrong. With an empty plan every answer is "nothing".
 *
 *   around()     every call                api.ts, credentials.ts, capacity.ts, lag.ts, state.ts
 *   launched()   every launch              launches.ts: instance.ts, console.ts, network.ts
 *   spoil()      every machine that boots  launches.ts: disk.ts
 */

import type { Account } from "../accounts.ts";
import type { Call } from "../call.ts";
import type { Home } from "../instance-life.ts";
import type { MachineSpec } from "../machines/machine.ts";
import { ApiError } from "../protocol/api-error.ts";
import type { NoAnswer } from "../protocol/no-answer.ts";
import type { Service } from "../protocol/operations.ts";
import type { InstanceRecord } from "../records/instance.ts";
import type { Tagged } from "../records/tagged.ts";
import type { Store } from "../store.ts";
import { apiRefusal, Throttle } from "./api.ts";
import { noRoom, wishOf } from "./capacity.ts";
import { ExpiringCredentials } from "./credentials.ts";
import { FaultLog, type FiredFault } from "./fault-log.ts";
import { type FaultPlan, NO_FAULTS } from "./fault-plan.ts";
import type { Rule } from "./fault-rule.ts";
import { Lag } from "./lag.ts";
import { Launches, type LaunchTrouble } from "./launches.ts";
import type { Refusal } from "./refusal.ts";
import { type Happening, matchersOf, type RuleMatcher } from "./rule-matcher.ts";
import { failLater, MAKES } from "./state.ts";

/** A call about to be done. */
export interface CallInHand {
  readonly service: Service;
  readonly action: string;
  readonly input: Readonly<Record<string, unknown>>;
  readonly call: Call;
}

/** What has come of a call: done or not, and what the caller is told instead. */
export type Outcome =
  | { readonly output: object; readonly failure?: undefined }
  | { readonly output?: object | undefined; readonly failure: ApiError | NoAnswer };

export class Faults {
  readonly log: FaultLog;
  #plan = NO_FAULTS;
  #refusers: readonly Refuser[] = [];
  #lag = new Lag([]);
  #launches: Launches;
  #failing: readonly RuleMatcher<Rule<"state">>[] = [];

  /** @param tell - Called with each fault as it happens. */
  constructor(tell?: (fired: FiredFault) => void) {
    this.log = new FaultLog(tell);
    this.#launches = new Launches(NO_FAULTS, this.log);
  }

  get plan(): FaultPlan {
    return this.#plan;
  }

  /** From now on these and no others; all counting begins anew. */
  set(plan: FaultPlan): void {
    this.#plan = plan;
    this.#refusers = refusersOf(plan);
    this.#failing = matchersOf(plan, "state");
    this.#launches.end();
    this.#launches = new Launches(plan, this.log);
    this.#lag = new Lag(matchersOf(plan, "lag"), (fired) => this.log.add(fired));
  }

  /** Does a call, or not, and answers the truth, or not. @throws What the action throws. */
  async around(inHand: CallInHand, run: () => Promise<object>): Promise<Outcome> {
    const happening = happeningOf(inHand);
    const refusal = this.#refuse(happening, inHand.call.nowMs);
    if (refusal !== undefined && !refusal.done) return { failure: refusal.failure };
    if (refusal === undefined) return { output: await this.#do(inHand, happening, run) };
    // Whatever has come of it, the caller is not told.
    const output = await this.#do(inHand, happening, run).catch((error: unknown) => {
      if (error instanceof ApiError) return undefined;
      throw error;
    });
    return { output, failure: refusal.failure };
  }

  async #do(
    { call, input }: CallInHand,
    happening: Happening,
    run: () => Promise<object>,
  ): Promise<object> {
    const { cloud } = call;
    this.#lag.check(happening, input, call.nowMs);
    this.#lag.beforeTagging(happening, input, call);
    const output = await run();
    this.#failLater(happening, output, { store: call.store, nowMs: cloud.now() });
    this.#lag.afterMaking(happening, output, { cloud, nowMs: cloud.now() });
    return this.#lag.thin(happening, input, output, cloud.now());
  }

  /** What was made just now will not come to a good end. */
  #failLater(
    happening: Happening,
    output: object,
    place: { readonly store: Store; readonly nowMs: number },
  ): void {
    for (const matcher of this.#failing) {
      const { rule, index } = matcher;
      if (!MAKES[rule.of].includes(happening.action) || !matcher.meets(happening)) continue;
      const id = failLater(rule, output, place);
      if (id === undefined) continue;
      const at = new Date(place.nowMs);
      const to = `${id} ${happening.profile} ${happening.region}`;
      this.log.add({ at, rule: index, fault: "state", to, what: `fails after ${rule.afterMs} ms` });
    }
  }

  /** To be called whenever an instance starts. */
  launched(home: Home, instance: InstanceRecord): LaunchTrouble {
    return this.#launches.launched(home, instance);
  }

  /** What a machine boots with instead. */
  spoil<Spec extends MachineSpec>(instanceId: string, spec: Spec): Spec {
    return this.#launches.spoil(instanceId, spec);
  }

  consoleLagMs(instanceId: string): number {
    return this.#launches.consoleLagMs(instanceId);
  }

  /** The tags of a thing as its own metadata service shows them. */
  tagsOf(thing: Tagged, nowMs: number): ReadonlyMap<string, string> {
    return this.#lag.tagsOf(thing, nowMs);
  }

  /** All rules see the call; the first that fires decides. */
  #refuse(happening: Happening, nowMs: number): Refusal | undefined {
    const refusals = this.#refusers.flatMap((one) => {
      const refusal = one.refuse(happening, nowMs);
      return refusal === undefined ? [] : { ...refusal, one };
    });
    const [first] = refusals;
    if (first === undefined) return undefined;
    const { failure, done, one } = first;
    this.log.add({
      at: new Date(nowMs),
      rule: one.index,
      fault: one.fault,
      to: placeOf(happening),
      what: `${"code" in failure ? failure.code : "no answer"}${done ? ", but done" : ""}`,
    });
    return first;
  }
}

interface Refuser {
  readonly index: number;
  readonly fault: string;
  refuse(happening: Happening, nowMs: number): Refusal | undefined;
}

/** In the order of the plan. */
function refusersOf(plan: FaultPlan): Refuser[] {
  const refusers: Refuser[] = [];
  const add = (
    { index, rule }: { readonly index: number; readonly rule: { readonly fault: string } },
    refuse: (happening: Happening, nowMs: number) => Refusal | undefined,
  ) => refusers.push({ index, fault: rule.fault, refuse });
  for (const matcher of matchersOf(plan, "error", "no-answer")) {
    add(matcher, (happening) =>
      matcher.meets(happening) ? apiRefusal(matcher.rule, happening.action) : undefined,
    );
  }
  for (const matcher of matchersOf(plan, "throttle")) {
    const throttle = new Throttle(matcher);
    add(matcher, (happening, nowMs) => throttle.refuse(happening, nowMs));
  }
  for (const matcher of matchersOf(plan, "credentials-expired")) {
    const credentials = new ExpiringCredentials(matcher);
    add(matcher, (happening, nowMs) => credentials.refuse(happening, nowMs));
  }
  for (const matcher of matchersOf(plan, "capacity")) {
    add(matcher, (happening) =>
      isLaunch(happening) && matcher.meets(happening) ? noRoom(matcher.rule, happening) : undefined,
    );
  }
  return refusers.sort((a, b) => a.index - b.index);
}

/** EC2 looks for room only when it is meant. */
function isLaunch({ action, dryRun }: Happening): boolean {
  return action === "RunInstances" && !dryRun;
}

function happeningOf({ service, action, input, call }: CallInHand): Happening {
  const { account, region } = call;
  // The reader built it by the schema from which the SDK's types are made.
  const wish = action === "RunInstances" ? wishOf(input as object, call) : {};
  const { dryRun } = call;
  return { service, action, ...whose(account), region: region.name, ...wish, dryRun };
}

function whose({ id, profile }: Account): { accountId: string; profile: string } {
  return { accountId: id, profile };
}

function placeOf({ action, profile, region }: Happening): string {
  return `${action} ${profile} ${region}`;
}
