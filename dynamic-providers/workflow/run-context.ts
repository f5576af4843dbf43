/** What a workflow is given by whoever runs it: both clouds, a clock, a way to report and to stop. */

import type { HelperSide } from "../../agent/contract.ts";
import type { Ec2 } from "../ec2/ec2.ts";
import type { ProgressRow } from "./copy-request.ts";
import type { Limits } from "./limits.ts";

export interface Clouds {
  readonly source: Ec2;
  readonly destination: Ec2;
}

export interface Clock {
  /** Wall clock, milliseconds since 1970. */
  now(): number;
  /** Rejects with the signal's reason when it is aborted. */
  sleep(ms: number, signal?: AbortSignal): Promise<void>;
}

export interface RunContext {
  readonly clouds: Clouds;
  /** Aborted: end the helpers, clean up, and throw a CopyError `stopped` (or the reason, if it is a CopyError). */
  readonly signal: AbortSignal;
  /**
   * Called right before a run makes itself the owner of what there is: whoever asked for it must be there still.
   *
   * @throws CopyError `stopped`
   */
  readonly checkWanted: () => Promise<void>;
  /** One line of status for a row of the stack; called often, also with the same text. */
  readonly report: (row: ProgressRow, text: string) => void;
  /** The texts of `dist/agent/source.sh` and `dist/agent/destination.sh`. */
  readonly userDataTemplates: Readonly<Record<HelperSide, string>>;
  readonly clock: Clock;
  readonly limits: Limits;
}

/** The real clock. */
export const systemClock: Clock = {
  now: () => Date.now(),
  sleep(ms, signal) {
    return new Promise<void>((resolve, reject) => {
      if (signal?.aborted) return reject(signal.reason);
      const onAbort = () => {
        clearTimeout(timer);
        reject(signal?.reason);
      };
      const timer = setTimeout(() => {
        signal?.removeEventListener("abort", onAbort);
        resolve();
      }, ms);
      signal?.addEventListener("abort", onAbort, { once: true });
    });
  },
};
