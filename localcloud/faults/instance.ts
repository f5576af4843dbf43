/** What may happen to an instance: it never comes up, it hangs, it goes, by itself or by somebody. */

import { setTimeout as sleep } from "node:timers/promises";
import { beginEnd, beginStop, type Home, Reason, shutItself } from "../instance-life.ts";
import type { Machine } from "../machines/machine.ts";
import type { InstanceRecord } from "../records/instance.ts";
import type { Rule } from "./fault-rule.ts";

/** Those that are there from the start; all others strike a machine that runs. */
export const FROM_THE_START: readonly Rule<"instance">["does"][] = [
  "stays-pending",
  "never-boots",
  "fails-to-launch",
];

/** Why it ends before it runs. The default is what EC2 says of a key that may not be used. */
export function launchFailure({ code, message }: Rule<"instance">): Reason {
  return {
    code: code ?? "Client.InvalidKMSKey.InvalidState",
    message: message ?? "The KMS key provided is in an incorrect state",
  };
}

/** A kernel that comes up and an init that never gets anywhere. */
export const NEVER_BOOTS = Buffer.from("#!/bin/sh\nexec sleep 1000000\n");

/** @param signal - Ends a wait in it: what was for a time is over then, all else stays. */
export async function strikeInstance(
  rule: Rule<"instance">,
  struck: { readonly home: Home; readonly instance: InstanceRecord; readonly machine: Machine },
  signal: AbortSignal,
): Promise<void> {
  const { home, instance, machine } = struck;
  const state = instance.state.at(home.cloud.now());
  if (state !== "pending" && state !== "running") return;
  switch (rule.does) {
    case "is-killed":
      machine.crash();
      beginEnd(home, instance, {
        code: rule.code ?? "Server.InternalError",
        message: rule.message ?? "Internal error",
      });
      return;
    case "is-terminated":
      beginEnd(home, instance, Reason.user);
      return;
    case "is-stopped":
      beginStop(home, instance, Reason.user);
      return;
    case "shuts-down":
      await machine.stop();
      shutItself(home, instance);
      return;
    case "hangs":
      machine.freeze();
      if (rule.forMs === undefined) return;
      try {
        await sleep(rule.forMs, undefined, { signal });
      } finally {
        machine.thaw();
      }
      return;
    case "stays-pending":
    case "never-boots":
    case "fails-to-launch":
      return;
    default:
      rule.does satisfies never;
  }
}
