/**
 * One provider process, in this one: the providers as `provider.ts` composes them, with a door in
 * front of the cloud at which the process can be killed, orphaned or told to stop, before or after
 * any call that it makes.
 */

import { once } from "node:events";
import type { HelperSide } from "../../agent/contract.ts";
import type { Cancellation } from "../../dynamic-providers/cancellation.ts";
import { composeProviders, type Providers } from "../../dynamic-providers/compose-providers.ts";
import { CloudError } from "../../dynamic-providers/ec2/cloud-error.ts";
import type { Ec2 } from "../../dynamic-providers/ec2/ec2.ts";
import { openEc2 } from "../../dynamic-providers/ec2/open-ec2.ts";
import { CopyError } from "../../dynamic-providers/workflow/copy-error.ts";
import type { Limits } from "../../dynamic-providers/workflow/limits.ts";
import { systemClock } from "../../dynamic-providers/workflow/run-context.ts";
import { KNOWN_WITHOUT_A_CALL } from "../dynamic-providers/workflow/cloud-bench.ts";
import { PAPER_TEMPLATE } from "./paper-helpers.ts";

/** What happens to a process at its n-th call. */
export const Blow = {
  /** SIGKILL before the call is made, or when it has taken effect and its answer is under way. */
  killedBefore: "killed-before",
  killedAfter: "killed-after",
  /** Its CLI is killed: nobody hears what it answers, and it goes on until it notices. */
  orphaned: "orphaned",
  /** Ctrl-C, once: told to stop. */
  stopped: "stopped",
} as const;
export type Blow = (typeof Blow)[keyof typeof Blow];

/** Three heartbeats are 15 s of a copy of minutes; here a copy takes half a second. */
const NOTICE_MS = 150;

/** Counts the calls of all processes of one case, and strikes at one of them. */
export class Fate {
  #blow: { readonly at: number; readonly blow: Blow } | undefined;
  count = 0;
  struck = false;

  constructor(blow?: { readonly at: number; readonly blow: Blow }) {
    this.#blow = blow;
  }

  /** At the next call. */
  strike(blow: Blow): void {
    this.#blow = { at: this.count + 1, blow };
  }

  /** @returns What happens at this call. */
  next(): Blow | undefined {
    this.count += 1;
    if (this.#blow === undefined || this.struck || this.count < this.#blow.at) return undefined;
    this.struck = true;
    return this.#blow.blow;
  }
}

export interface ProviderProcess {
  readonly providers: Providers;
  /** What stays on the screen of whoever ran it. */
  readonly warnings: readonly string[];
  /** Settles when nobody hears of it any more; never, when nothing strikes it. */
  readonly lost: Promise<void>;
  /** An operation of the engine on it. */
  track<Answer>(operation: Promise<Answer>): Promise<Answer>;
  /** Settles when nothing of it is under way. A killed one is brought to its end for that. */
  ended(): Promise<void>;
}

export interface ProcessOptions {
  readonly environment: NodeJS.ProcessEnv;
  readonly limits: Limits;
  readonly fate: Fate;
  /** @default paper's, for machines of paper */
  readonly userDataTemplate?: (side: HelperSide) => Promise<string>;
  /** A defect, to see whether it is found. */
  readonly spoil?: (ec2: Ec2) => Ec2;
}

export function startProviderProcess(options: ProcessOptions): ProviderProcess {
  const stop = new AbortController();
  const death = new AbortController();
  const lost = Promise.withResolvers<void>();
  const underWay = new Set<Promise<unknown>>();
  const note = <Answer>(work: Promise<Answer>): Promise<Answer> => {
    underWay.add(work);
    const forget = () => underWay.delete(work);
    work.then(forget, forget);
    return work;
  };
  const warnings: string[] = [];
  let alive = true;
  let isOrphan = false;
  /** A killed process waits here for ever; to be rid of it, everything is refused at last. */
  const limbo = () =>
    new Promise<never>((_resolve, reject) => {
      const refuse = () => reject(new CloudError("killed", KILLED));
      if (death.signal.aborted) refuse();
      else death.signal.addEventListener("abort", refuse, { once: true });
    });
  const strike = (blow: Blow | undefined): void => {
    if (blow === Blow.killedBefore || blow === Blow.killedAfter) alive = false;
    if (blow === Blow.stopped) stop.abort(stopped());
    else if (blow !== undefined) lost.resolve();
    if (blow !== Blow.orphaned) return;
    isOrphan = true;
    setTimeout(() => stop.abort(stopped()), NOTICE_MS);
  };
  const pass = async (verb: () => Promise<unknown>): Promise<unknown> => {
    if (!alive) return limbo();
    const blow = options.fate.next();
    if (blow === Blow.killedAfter) {
      await note(verb()).catch(() => undefined);
      strike(blow);
      return limbo();
    }
    strike(blow);
    if (!alive) return limbo();
    const answer = await note(verb());
    return alive ? answer : limbo();
  };
  const { spoil = (ec2) => ec2 } = options;
  const cancellation: Cancellation = {
    signal: AbortSignal.any([stop.signal, death.signal]),
    checkWanted: async () => {
      // Nobody answers; when the third heartbeat has found nobody, it is told to stop.
      if (isOrphan && !stop.signal.aborted) await once(stop.signal, "abort");
      stop.signal.throwIfAborted();
    },
    guard: note,
    dispose: () => undefined,
  };
  const providers = composeProviders({
    openCloud: (side) => guarded(spoil(openEc2(side, options.environment)), pass),
    userDataTemplate: options.userDataTemplate ?? (async () => PAPER_TEMPLATE),
    stackPlace: "twin",
    startMs: Date.now(),
    log: {
      status: () => undefined,
      note: () => undefined,
      warn: (_urn, text) => void warnings.push(text),
      isEngineThere: async () => true,
    },
    cancellation,
    clock: {
      now: () => systemClock.now(),
      sleep: async (ms, signal) => {
        await systemClock.sleep(ms, signal);
        if (!alive) await limbo();
      },
    },
    limits: options.limits,
    quiet: true,
  });
  return {
    providers,
    warnings,
    lost: lost.promise,
    track: note,
    async ended() {
      if (!alive) death.abort(stopped());
      while (underWay.size > 0) await Promise.allSettled([...underWay]);
    },
  };
}

const KILLED = { kind: "other", code: "Killed", operation: "-", region: "-" } as const;

/** As `cancellation.ts` has it. */
function stopped(): CopyError {
  const hint = "Run `pulumi up` again to continue, or `pulumi destroy` to remove what there is.";
  return new CopyError("The copy was cancelled.", { code: "stopped", step: "run", hint });
}

function guarded(ec2: Ec2, pass: (verb: () => Promise<unknown>) => Promise<unknown>): Ec2 {
  return new Proxy(ec2, {
    get(target, name) {
      const verb: unknown = Reflect.get(target, name);
      if (typeof verb !== "function" || KNOWN_WITHOUT_A_CALL.has(name)) return verb;
      return (...args: unknown[]) => pass(() => Reflect.apply(verb, target, args));
    },
  });
}
