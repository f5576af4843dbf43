/** One attempt of one run: what every step of the workflow is given. */

import { createHash } from "node:crypto";
import { type HelperSide, Role, Tag } from "../../agent/contract.ts";
import { isCloudError } from "../ec2/cloud-error.ts";
import type { Ec2 } from "../ec2/ec2.ts";
import type { Tags } from "../ec2/tags.ts";
import { CopyError } from "./copy-error.ts";
import type { CopyRequest, RunIdentity } from "./copy-request.ts";
import { keyAdvice } from "./key-trouble.ts";
import { quotaAdvice } from "./quota-advice.ts";
import type { RunContext } from "./run-context.ts";
import type { UndoStack } from "./undo-stack.ts";

export interface Run extends RunContext {
  readonly request: CopyRequest;
  readonly identity: RunIdentity;
  /** From 1; 0 for what claims none. */
  readonly attempt: number;
  /** Of this process's claim: tells our own group from one of the same name by somebody else. */
  readonly nonce: string;
  /** ISO 8601; the same in all tags of an attempt, so that a repeated request has the same bytes. */
  readonly expires: string;
  readonly undo: UndoStack;
  /** Throws when a newer attempt has claimed the run. Called before everything that creates. */
  readonly checkFence: () => Promise<void>;
}

export function cloudOf(run: Pick<Run, "clouds">, side: HelperSide): Ec2 {
  return side === "source" ? run.clouds.source : run.clouds.destination;
}

/** The tags that go into every create call. */
export function runTags(
  run: Pick<Run, "identity" | "expires" | "attempt">,
  role: Role,
): Record<string, string> {
  return {
    [Tag.run]: run.identity.runId,
    [Tag.role]: role,
    [Tag.expires]: run.expires,
    [Tag.attempt]: String(run.attempt),
  };
}

/** Client token: the same for the same thing of the same claim, and for nothing else. 64 characters. */
export function clientToken(run: Run, ...parts: (string | number)[]): string {
  const text = ["amicopy", run.identity.runId, run.attempt, run.nonce, ...parts].join("|");
  return createHash("sha256").update(text).digest("hex");
}

export function roleOf(side: HelperSide): Role {
  return side === "source" ? Role.sourceHelper : Role.destinationHelper;
}

/** Tags worth copying: AWS's own cannot be set, and ours belong to one thing. */
export function withoutReserved(tags: Tags): Record<string, string> {
  return Object.fromEntries(Object.entries(tags).filter(([key]) => !/^(aws|amicopy):/i.test(key)));
}

/**
 * Does the work of one step and gives its errors a place: a CloudError becomes a CopyError that
 * names the step; an abort becomes the reason it was aborted for.
 */
export async function inStep<Answer>(
  run: Pick<Run, "signal">,
  step: string,
  work: () => Promise<Answer>,
): Promise<Answer> {
  try {
    run.signal.throwIfAborted();
    return await work();
  } catch (error) {
    throw toCopyError(error, step, run.signal);
  }
}

/** @param signal - When aborted, its reason is the error, whatever has followed from it. */
export function toCopyError(error: unknown, step: string, signal?: AbortSignal): unknown {
  if (signal?.aborted) {
    const { reason } = signal;
    if (reason instanceof CopyError) return reason;
    const why =
      reason instanceof Error && reason.name !== "AbortError" ? `: ${reason.message}` : "";
    return new CopyError(`the copy was stopped${why}`, { code: "stopped", step, cause: reason });
  }
  if (!isCloudError(error)) return error;
  const hint =
    keyAdvice(error.message) ??
    (error.kind === "quota" ? quotaAdvice(error.code) : HINTS[error.kind]);
  return new CopyError(`${step}: ${error.message}`, {
    code: error.kind === "capacity" ? "no-capacity" : "cloud",
    step,
    cause: error,
    ...(hint !== undefined && { hint }),
  });
}

const HINTS: Partial<Record<string, string>> = {
  throttled: "AWS limits how often this account may call it; run `pulumi up` again later.",
  denied: "Give the identity of this side the permission, then run `pulumi up` again.",
  credentials: "Renew the credentials of this side, then run `pulumi up` again.",
  unreachable: "Check the network from here to AWS, then run `pulumi up` again.",
  capacity: "Set `helper.*.instanceType` or `helper.*.subnetId`, or run `pulumi up` again later.",
};

/** Does both and waits for both, also when one fails: nothing goes on in the dark. */
export async function both<A, B>(first: Promise<A>, second: Promise<B>): Promise<[A, B]> {
  const [a, b] = await Promise.allSettled([first, second]);
  if (a.status === "rejected") throw a.reason;
  if (b.status === "rejected") throw b.reason;
  return [a.value, b.value];
}
