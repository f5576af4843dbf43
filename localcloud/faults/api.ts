/**
 * Calls that go wrong as calls: answered with an error, not answered at all, throttled. Each may
 * have taken effect all the same, which is what a client cannot know.
 */

import { ApiError } from "../protocol/api-error.ts";
import { NoAnswer } from "../protocol/no-answer.ts";
import type { Service } from "../protocol/operations.ts";
import type { Rule } from "./fault-rule.ts";
import { type Refusal, refusedWith } from "./refusal.ts";
import type { Happening, RuleMatcher } from "./rule-matcher.ts";

const THROTTLED: Readonly<Record<Service, string>> = {
  ec2: "RequestLimitExceeded",
  sts: "Throttling",
  servicequotas: "TooManyRequestsException",
};

/** @returns What the client is told instead of the truth. */
export function apiRefusal(rule: Rule<"error" | "no-answer">, action: string): Refusal {
  if (rule.fault === "no-answer") {
    return { failure: new NoAnswer(rule.afterMs), done: rule.done };
  }
  const message = rule.message ?? wordsFor(rule.code, action);
  return { failure: new ApiError(rule.code, message), done: rule.done };
}

function wordsFor(code: string, action: string): string {
  switch (code) {
    case "RequestLimitExceeded":
      return "Request limit exceeded.";
    case "Throttling":
    case "TooManyRequestsException":
      return "Rate exceeded";
    case "InternalError":
      return "An internal error has occurred";
    case "Unavailable":
      return "The service is unavailable. Please try again shortly.";
    case "UnauthorizedOperation":
      return `You are not authorized to perform this operation (${action}).`;
    default:
      return `${action} was refused by request.`;
  }
}

/**
 * A bucket of tokens that each call takes one from and time fills, as EC2 throttles; one bucket for
 * each account, region and action, as EC2 has them. [UG throttling: token bucket per account, Region]
 */
export class Throttle {
  readonly #matcher: RuleMatcher<Rule<"throttle">>;
  readonly #buckets = new Map<string, { tokens: number; atMs: number }>();

  constructor(matcher: RuleMatcher<Rule<"throttle">>) {
    this.#matcher = matcher;
  }

  /** @returns The refusal of a call that is one too many. */
  refuse(happening: Happening, nowMs: number): Refusal | undefined {
    if (!this.#matcher.meets(happening)) return undefined;
    const { burst, perSecond } = this.#matcher.rule;
    const key = `${happening.accountId} ${happening.region} ${happening.action}`;
    const bucket = this.#buckets.get(key) ?? { tokens: burst, atMs: nowMs };
    const grown = ((nowMs - bucket.atMs) / 1000) * perSecond;
    const tokens = Math.min(burst, bucket.tokens + Math.max(0, grown));
    const refused = tokens < 1;
    this.#buckets.set(key, { tokens: refused ? tokens : tokens - 1, atMs: nowMs });
    const code = THROTTLED[happening.service];
    return refused ? refusedWith(new ApiError(code, wordsFor(code, happening.action))) : undefined;
  }
}
