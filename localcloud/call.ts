/**
 * One call of one action, and how actions are written down: a function from the SDK's own input type
 * to its own output type, plus the list of parameters that it honours. A parameter that is not on
 * the list is refused, because a success that did nothing is worse than a refusal.
 */

import type { Account, Caller } from "./accounts.ts";
import type { Region } from "./catalog/regions.ts";
import { ApiError, unsupported } from "./protocol/api-error.ts";
import type { Service } from "./protocol/operations.ts";
import type { Cloud, Store } from "./store.ts";

export class Call {
  readonly cloud: Cloud;
  readonly caller: Caller;
  readonly region: Region;
  /** The caller's own things in the region of the call. */
  readonly store: Store;
  readonly nowMs: number;
  readonly dryRun: boolean;
  #changed = false;

  constructor(cloud: Cloud, caller: Caller, region: Region, dryRun: boolean) {
    this.cloud = cloud;
    this.caller = caller;
    this.region = region;
    this.store = cloud.store(caller.account.id, region.name);
    this.nowMs = cloud.now();
    this.dryRun = dryRun;
  }

  get account(): Account {
    return this.caller.account;
  }

  get now(): Date {
    return new Date(this.nowMs);
  }

  /** All checks are passed and the first change comes next: a dry run ends here. */
  commit(): void {
    this.#changed = true;
    this.endDryRun();
  }

  /** Whether {@link commit} was called, that is, whether a dry run can be trusted. */
  get committed(): boolean {
    return this.#changed;
  }

  endDryRun(): void {
    if (this.dryRun) {
      throw new ApiError(
        "DryRunOperation",
        "Request would have succeeded, but DryRun flag is set.",
      );
    }
  }

  /** `arn:<partition>:ec2:<region>:<account>:<resource>` */
  arn(resource: string, accountId = this.account.id): string {
    return `arn:${this.account.partition}:ec2:${this.region.name}:${accountId}:${resource}`;
  }
}

/** An action with its types forgotten, as the dispatcher holds it. */
export interface Action {
  readonly service: Service;
  readonly name: string;
  run(input: Record<string, unknown>, call: Call): Promise<object>;
}

/** Writes down an EC2 action. */
export function ec2Action<Input extends object, Output extends object>(
  name: string,
  honoured: readonly (keyof Input & string)[],
  run: (input: Input, call: Call) => Output | Promise<Output>,
): Action {
  return makeAction("ec2", name, honoured, run);
}

/** Writes down an action of Service Quotas. */
export function serviceQuotasAction<Input extends object, Output extends object>(
  name: string,
  honoured: readonly (keyof Input & string)[],
  run: (input: Input, call: Call) => Output | Promise<Output>,
): Action {
  return makeAction("servicequotas", name, honoured, run);
}

/** Writes down an STS action. */
export function stsAction<Input extends object, Output extends object>(
  name: string,
  honoured: readonly (keyof Input & string)[],
  run: (input: Input, call: Call) => Output | Promise<Output>,
): Action {
  return makeAction("sts", name, honoured, run);
}

function makeAction<Input extends object, Output extends object>(
  service: Service,
  name: string,
  honoured: readonly (keyof Input & string)[],
  run: (input: Input, call: Call) => Output | Promise<Output>,
): Action {
  const known = new Set<string>([...honoured, "DryRun"]);
  return {
    service,
    name,
    run: async (input, call) => {
      for (const parameter of Object.keys(input)) {
        if (!known.has(parameter)) throw unsupported(`the parameter ${parameter} of ${name}`);
      }
      // The reader built it by the schema from which the SDK's types are made.
      return run(input as Input, call);
    },
  };
}

/** For parts of a parameter that are not honoured. */
export function refuseMembers(
  value: object | undefined,
  honoured: readonly string[],
  path: string,
): void {
  for (const [name, part] of Object.entries(value ?? {})) {
    if (part !== undefined && !honoured.includes(name)) {
      throw unsupported(`the parameter ${path}.${name}`);
    }
  }
}
