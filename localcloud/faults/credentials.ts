/** Credentials that expire in the middle of things: from some call on, nothing of an account works. */

import { expired } from "../protocol/credential-errors.ts";
import type { Rule } from "./fault-rule.ts";
import { type Refusal, refusedWith } from "./refusal.ts";
import type { Happening, RuleMatcher } from "./rule-matcher.ts";

export class ExpiringCredentials {
  readonly #matcher: RuleMatcher<Rule<"credentials-expired">>;
  #expiredMs: number | undefined;

  constructor(matcher: RuleMatcher<Rule<"credentials-expired">>) {
    this.#matcher = matcher;
  }

  /** @returns The refusal of this call, in the words of its service. */
  refuse(happening: Happening, nowMs: number): Refusal | undefined {
    if (!this.#matcher.meets(happening)) return undefined;
    this.#expiredMs ??= nowMs;
    const { forMs = Number.POSITIVE_INFINITY } = this.#matcher.rule;
    // As if somebody had signed in again.
    if (nowMs - this.#expiredMs >= forMs) return undefined;
    return refusedWith(expired(happening.service));
  }
}
