/**
 * The helper's voice: lines on the serial console. The console is lossy (a ring of 64 KiB, torn and
 * glued lines, minutes of delay), so a state line is said again until the controller acknowledges
 * it, ever more seldom; progress is said once and may be lost. Never reads a clock.
 */

import { encodeConsoleLine, type HelperMessage } from "./contract.ts";
import * as limits from "./limits.ts";

interface Pending {
  readonly sequence: number;
  readonly text: string;
  dueMs: number;
  waitMs: number;
}

/** Says state and progress. All times are monotonic milliseconds. */
export class HelperConsole {
  readonly #write: (text: string) => void;
  #sequence = 0;
  #pending: Pending[] = [];
  #progressStartMs: number | undefined;
  #progressDueMs = 0;

  /** @param write - Writes a whole line, its end included, in one system call. */
  constructor(write: (text: string) => void) {
    this.#write = write;
  }

  /** True when the controller has received every state line. */
  get heard(): boolean {
    return this.#pending.length === 0;
  }

  /** A plain line for the person who reads the console; nobody parses it. */
  note(text: string): void {
    this.#write(`amicopy: ${printable(text)}\n`);
  }

  /** Says a state line now, and again by {@link repeat} until it is acknowledged. */
  state(message: HelperMessage, nowMs: number): void {
    const sequence = ++this.#sequence;
    const sayable =
      message.type === "failed" ? { ...message, message: printable(message.message) } : message;
    const text = `${encodeConsoleLine({ sequence, message: sayable })}\n`;
    const waitMs = limits.REPEAT_FIRST_MS;
    this.#pending.push({ sequence, text, dueMs: nowMs + waitMs, waitMs });
    this.#write(text);
  }

  /** Says how far the copy is, unless that was said a moment ago. */
  progress(message: HelperMessage & { type: "progress" }, nowMs: number): void {
    this.#progressStartMs ??= nowMs;
    if (nowMs < this.#progressDueMs) return;
    const tenthMs = (nowMs - this.#progressStartMs) / 10;
    this.#progressDueMs =
      nowMs + Math.min(Math.max(tenthMs, limits.PROGRESS_MIN_MS), limits.PROGRESS_MAX_MS);
    this.#write(`${encodeConsoleLine({ sequence: 0, message })}\n`);
  }

  /** @param value - Of the tag, as found: what is not a number of lines said so far is ignored. */
  acknowledge(value: string | undefined): void {
    const sequence = /^\d{1,9}$/.test(value ?? "") ? Number(value) : 0;
    if (sequence > this.#sequence) return;
    this.#pending = this.#pending.filter((line) => line.sequence > sequence);
  }

  /** Says again what is due. */
  repeat(nowMs: number): void {
    for (const line of this.#pending) {
      if (nowMs < line.dueMs) continue;
      line.waitMs = Math.min(line.waitMs * 2, limits.REPEAT_LAST_MS);
      line.dueMs = nowMs + line.waitMs;
      this.#write(line.text);
    }
  }
}

/** One line of plain ASCII without what a console line has to escape, so that its length is certain. */
function printable(text: string): string {
  return text
    .replace(/["\\{}]/g, "'")
    .replace(/[^\x20-\x7e]+/g, " ")
    .slice(0, limits.MESSAGE_MAX_LENGTH);
}
