/**
 * Faults of instances. Which of them an instance gets is decided once, when it is launched; those
 * that strike later wait for their moment beside it.
 */

import { volumesOf } from "../actions/instance-lookup.ts";
import type { Home, Reason } from "../instance-life.ts";
import type { Machine, MachineSpec } from "../machines/machine.ts";
import type { InstanceRecord } from "../records/instance.ts";
import { consoleBytes } from "./console.ts";
import { diskPrefix, hasItsDisk } from "./disk.ts";
import type { FaultLog } from "./fault-log.ts";
import type { FaultPlan } from "./fault-plan.ts";
import type { Rule } from "./fault-rule.ts";
import { FROM_THE_START, launchFailure, NEVER_BOOTS, strikeInstance } from "./instance.ts";
import { NetworkCuts } from "./network.ts";
import { type Happening, matchersOf } from "./rule-matcher.ts";
import { momentOf } from "./when.ts";

/** What goes wrong with the start of one instance. */
export interface LaunchTrouble {
  readonly staysPending: boolean;
  readonly failsToLaunch: Reason | undefined;
  /** The machine runs: what is to strike it may. */
  begin(): void;
}

const NO_TROUBLE: LaunchTrouble = {
  staysPending: false,
  failsToLaunch: undefined,
  begin: () => {},
};

type Kind = "instance" | "console-lag" | "console-text" | "disk" | "network";

interface Struck {
  readonly rule: Rule<Kind>;
  readonly index: number;
}

export class Launches {
  readonly #plan: FaultPlan;
  readonly #log: FaultLog;
  readonly #matchers;
  readonly #struck = new Map<string, readonly Struck[]>();
  readonly #cuts = new NetworkCuts();
  readonly #end = new AbortController();

  constructor(plan: FaultPlan, log: FaultLog) {
    this.#plan = plan;
    this.#log = log;
    this.#matchers = matchersOf(plan, "instance", "console-lag", "console-text", "disk", "network");
  }

  /** Another plan takes over: what waits for its moment does not strike any more. */
  end(): void {
    this.#end.abort();
  }

  /** To be called whenever an instance starts; only its launch is one. */
  launched(home: Home, instance: InstanceRecord): LaunchTrouble {
    if (this.#matchers.length === 0 || instance.bootCount > 0) return NO_TROUBLE;
    const happening = happeningOf(home, instance);
    const devices = volumesOf(home, instance).map(({ attachment }) => attachment?.device ?? "");
    const isAbout = (rule: Rule<Kind>) => rule.fault !== "disk" || hasItsDisk(rule, devices);
    const struck = this.#matchers.flatMap((matcher): Struck[] =>
      isAbout(matcher.rule) && matcher.meets(happening)
        ? [{ rule: matcher.rule, index: matcher.index }]
        : [],
    );
    this.#struck.set(instance.id, struck);
    const own = struck.flatMap(({ rule }) => (rule.fault === "instance" ? rule : []));
    const failing = own.find(({ does }) => does === "fails-to-launch");
    for (const one of struck) if (isFromTheStart(one.rule)) this.#tell(one, home, instance);
    return {
      staysPending: own.some(({ does }) => does === "stays-pending"),
      failsToLaunch: failing === undefined ? undefined : launchFailure(failing),
      begin: () => {
        for (const one of struck) {
          if (isFromTheStart(one.rule)) continue;
          home.cloud.inBackground(this.#strike(one, home, instance));
        }
      },
    };
  }

  /** What a machine boots with. */
  spoil<Spec extends MachineSpec>(instanceId: string, spec: Spec): Spec {
    const rules = (this.#struck.get(instanceId) ?? []).map(({ rule }) => rule);
    const neverBoots = rules.some(
      (rule) => rule.fault === "instance" && rule.does === "never-boots",
    );
    const prefix = rules.flatMap((rule) => (rule.fault === "disk" ? diskPrefix(rule, spec) : []));
    return {
      ...spec,
      ...(neverBoots && { userData: NEVER_BOOTS }),
      ...(prefix.length > 0 && { prefix: [...(spec.prefix ?? []), ...prefix] }),
    };
  }

  consoleLagMs(instanceId: string): number {
    const lags = (this.#struck.get(instanceId) ?? []).flatMap(({ rule }) =>
      rule.fault === "console-lag" ? rule.ms : [],
    );
    return Math.max(0, ...lags);
  }

  async #strike(struck: Struck, home: Home, instance: InstanceRecord): Promise<void> {
    const { rule } = struck;
    const when = "when" in rule ? rule.when : undefined;
    const signal = AbortSignal.any([this.#end.signal, home.cloud.closing]);
    try {
      const machine = await momentOf(when, () => instance.machine, signal);
      if (machine === undefined) return;
      this.#tell(struck, home, instance);
      await this.#strikeNow(struck, { home, instance, machine }, signal);
    } catch (error) {
      if (!signal.aborted) throw error;
    }
  }

  async #strikeNow(
    { rule, index }: Struck,
    struck: { readonly home: Home; readonly instance: InstanceRecord; readonly machine: Machine },
    signal: AbortSignal,
  ): Promise<void> {
    switch (rule.fault) {
      case "instance":
        return strikeInstance(rule, struck, signal);
      case "console-text": {
        const seed = `${this.#plan.seed}/${index}`;
        struck.machine.writeConsole(consoleBytes(rule, seed));
        return;
      }
      case "network":
        return this.#cuts.cut(rule, struck.home.cloud.machinery, signal);
      case "console-lag":
      case "disk":
        return;
      default:
        rule satisfies never;
    }
  }

  #tell({ rule, index }: Struck, { cloud, store }: Home, instance: InstanceRecord): void {
    this.#log.add({
      at: new Date(cloud.now()),
      rule: index,
      fault: rule.fault,
      to: `${instance.id} ${profileOf(cloud, store)} ${store.region.name}`,
      what: wordFor(rule),
    });
  }
}

function isFromTheStart(rule: Rule<Kind>): boolean {
  if (rule.fault === "instance") return FROM_THE_START.includes(rule.does);
  return rule.fault === "console-lag" || rule.fault === "disk";
}

function wordFor(rule: Rule<Kind>): string {
  switch (rule.fault) {
    case "instance":
      return rule.does;
    case "disk":
      return `${rule.does} from byte ${rule.fromByte} of ${rule.device ?? "its first disk"}`;
    case "console-lag":
      return `${rule.ms} ms`;
    case "console-text":
      return rule.shows;
    case "network":
      return rule.forMs === undefined ? "cut for good" : `cut for ${rule.forMs} ms`;
    default:
      return rule satisfies never;
  }
}

function happeningOf({ cloud, store }: Home, instance: InstanceRecord): Happening {
  return {
    service: "ec2",
    action: "RunInstances",
    accountId: store.accountId,
    profile: profileOf(cloud, store),
    region: store.region.name,
    instanceType: instance.type.name,
    zone: instance.zone.name,
  };
}

function profileOf(cloud: Home["cloud"], store: Home["store"]): string {
  return cloud.accounts.find(store.accountId, store.partition.name)?.profile ?? "";
}
