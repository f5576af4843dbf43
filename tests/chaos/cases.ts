/**
 * What can go wrong: each call of a life that was watched, in each way in which a call can. With one
 * of two ways to go on it is a case. Its name says all of it, and it can be tried again by that name.
 */

import type { CallRecord } from "../../localcloud/call-log.ts";
import type { FaultPlanInput } from "../../localcloud/localcloud.ts";
import { Blow } from "./provider-process.ts";

/** How a person goes on after something went wrong. */
export const RECOVERIES = ["up", "destroy"] as const;
export type Recovery = (typeof RECOVERIES)[number];

export interface Trouble {
  /** `refused destination CreateSnapshot 2` */
  readonly name: string;
  readonly kind: string;
  readonly faults: FaultPlanInput["faults"];
  readonly blow?: { readonly at: number; readonly blow: Blow };
}

type Fault = FaultPlanInput["faults"][number];

/** What one call can be answered; by name. */
const ANSWERS: Readonly<Record<string, (call: NthCall) => Fault>> = {
  refused: (call) => ({ fault: "error", code: "UnauthorizedOperation", ...call }),
  throttled: (call) => ({ fault: "error", code: "RequestLimitExceeded", ...call }),
  /** It took effect, and nobody is told. */
  "answer-lost": (call) => ({ fault: "no-answer", done: true, ...call }),
  /** It took no effect, and nobody is told. */
  unanswered: (call) => ({ fault: "no-answer", done: false, ...call }),
  /** It took effect, and an error is told. */
  "error-though-done": (call) => ({ fault: "error", code: "InternalError", done: true, ...call }),
};

/** The kinds of the issue; the others are beyond it. */
export const ANSWER_KINDS = Object.keys(ANSWERS);
export const BLOW_KINDS: readonly string[] = Object.values(Blow);
/** From the n-th call on, whatever it is, every one is refused. */
export const CUT_OFF_KIND = "credentials-expired";
export const ALL_KINDS = [...ANSWER_KINDS, CUT_OFF_KIND, ...BLOW_KINDS];

interface NthCall {
  readonly side: "source" | "destination";
  readonly action: string;
  readonly nth: number;
}

export interface WatchedLife {
  readonly calls: readonly CallRecord[];
  /** Account of the source side; all other calls are the destination's. */
  readonly sourceAccountId: string;
  /** Calls as the workflow makes them: a page or a repetition is none of its own. */
  readonly verbCount: number;
}

/** @param kinds - Of {@link ALL_KINDS}. */
export function troublesOf(life: WatchedLife, kinds: readonly string[]): Trouble[] {
  return kinds.flatMap((kind) => troublesOfKind(life, kind));
}

function troublesOfKind(life: WatchedLife, kind: string): Trouble[] {
  const answer = ANSWERS[kind];
  if (answer !== undefined) {
    return nthCalls(life).map((call) => ({
      name: `${kind} ${call.side} ${call.action} ${call.nth}`,
      kind,
      faults: [answer(call)],
    }));
  }
  if (kind === CUT_OFF_KIND) {
    return life.calls.map((_call, index) => ({
      name: `${kind} from call ${index + 1}`,
      kind,
      faults: [{ fault: CUT_OFF_KIND, skip: index }],
    }));
  }
  const blow = kind as Blow;
  return Array.from({ length: life.verbCount }, (_, index) => ({
    name: `${kind} at call ${index + 1}`,
    kind,
    faults: [],
    blow: { at: index + 1, blow },
  }));
}

/** By side, action and how often: that stays the same where the order of two sides' calls does not. */
function nthCalls({ calls, sourceAccountId }: WatchedLife): NthCall[] {
  const counts = new Map<string, number>();
  return calls.map(({ action, accountId }) => {
    const side = accountId === sourceAccountId ? "source" : "destination";
    const key = `${side} ${action}`;
    const nth = (counts.get(key) ?? 0) + 1;
    counts.set(key, nth);
    return { side, action, nth };
  });
}
