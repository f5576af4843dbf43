/** What was asked of the cloud and how it answered: for tests, and for a person who wonders. */

import type { CallSubject } from "./call-subject.ts";

export interface CallRecord {
  readonly at: Date;
  readonly service: string;
  readonly action: string;
  /** Absent when the caller could not be told. */
  readonly accountId: string | undefined;
  readonly region: string | undefined;
  /** Ids in the request, and for calls that change something in the answer. */
  readonly ids: readonly string[];
  readonly dryRun: boolean;
  /** `"ok"`, EC2's error code, or `"no-answer"` when the caller was told nothing. */
  readonly outcome: string;
  /** Absent for describes, and for calls that were refused before they could be read. */
  readonly subject?: CallSubject;
}

/** Ours. Some hours of polling; the oldest go first. */
const CALLS_MAX_COUNT = 50_000;
/** Ours. More ids of one call help nobody. */
const IDS_MAX_COUNT = 50;
const ID_PATTERN = /^(ami|snap|vol|i|sg|sgr|eni|subnet|vpc|r)-[0-9a-f]{8,17}$/;

export class CallLog {
  readonly #records: CallRecord[] = [];

  add(record: CallRecord): void {
    this.#records.push(record);
    if (this.#records.length > CALLS_MAX_COUNT) this.#records.splice(0, CALLS_MAX_COUNT / 10);
  }

  /** Oldest first. */
  get records(): readonly CallRecord[] {
    return this.#records;
  }
}

/** All ids in a request or an answer, each once, in the order met. */
export function idsIn(...values: readonly unknown[]): string[] {
  const ids = new Set<string>();
  const visit = (value: unknown): void => {
    if (ids.size >= IDS_MAX_COUNT) return;
    if (typeof value === "string") {
      if (ID_PATTERN.test(value)) ids.add(value);
    } else if (typeof value === "object" && value !== null && !(value instanceof Uint8Array)) {
      for (const part of Object.values(value)) visit(part);
    }
  };
  for (const value of values) visit(value);
  return [...ids];
}
