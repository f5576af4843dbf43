/**
 * Errors as Pulumi shows them. It reads a thrown error in a peculiar way (run against the engine):
 *
 * - a truthy `.id` makes it "made, but not finished": id, properties and reasons go into the state.
 *   So an error of somebody else, which may carry an `.id` by accident, never leaves here;
 * - of an unfinished resource only `reasons` are shown, and its properties must hold `__provider`,
 *   or nothing can delete it later;
 * - what check, diff, read and delete throw is also printed by the SDK, on the stack's row and with
 *   the trace. There it points to the row that has the message, instead of a second copy of it.
 */

import { printable, printableLine } from "./printable.ts";
import { isCopyError } from "./workflow/copy-error.ts";
import type { Problem } from "./workflow/preflight/problem.ts";

/** Longest text of an error; an error of a helper ends with its last console lines. */
const MESSAGE_MAX_LENGTH = 6_000;

/** An error with a message for the person and nothing else. */
export function plainError(cause: unknown): Error {
  const error = new Error(messageOf(cause));
  error.stack = "the error is told on the resource's own row";
  error.toString = () => "amicopy";
  return error;
}

export interface UnfinishedState {
  readonly id: string;
  /** Outputs to keep, plain JSON. */
  readonly outputs: Readonly<Record<string, unknown>>;
  /** The inputs of the call; they hold `__provider`. */
  readonly inputs: Readonly<Record<string, unknown>>;
}

/** An error that keeps the resource in the state, so that the next `up` continues with update. */
export function unfinishedError(cause: unknown, state: UnfinishedState): Error {
  const provider = { __provider: state.inputs.__provider };
  return Object.assign(plainError(cause), {
    id: state.id,
    properties: { ...state.outputs, ...provider },
    reasons: [messageOf(cause)],
  });
}

/** What failed, what to do next, and what could not be cleaned up. */
export function messageOf(cause: unknown): string {
  if (!(cause instanceof Error)) return printable(String(cause)).slice(0, MESSAGE_MAX_LENGTH);
  const parts = [sentence(printable(cause.message))];
  if (isCopyError(cause)) {
    if (cause.hint !== undefined) parts.push(cause.hint);
    if (cause.kept.length > 0) parts.push(`Kept: ${cause.kept.map(printableLine).join("; ")}.`);
    if (cause.leftBehind.length > 0) {
      const left = cause.leftBehind.map(printableLine).join("; ");
      parts.push(`Could not be cleaned up: ${left}.`);
    }
  }
  const separator = parts[0]?.includes("\n") ? "\n" : " ";
  return parts.join(separator).slice(0, MESSAGE_MAX_LENGTH);
}

/** With a capital at its start and a full stop at its end, unless it begins with an argument's path. */
function sentence(text: string): string {
  const start = /^[a-z][\w.-]*:/.test(text) ? text.charAt(0) : text.charAt(0).toUpperCase();
  return `${start}${text.slice(1)}${/[.!?:\n]$/.test(text) || text.includes("\n") ? "" : "."}`;
}

/** All problems that preflight found, as one text. */
export function preflightError(problems: readonly Problem[]): Error {
  const lines = problems.map(({ property, message, hint }) =>
    printableLine(`${property}: ${message} ${hint}`),
  );
  const [only] = lines;
  if (lines.length === 1) return plainError(new Error(only));
  const text = `${lines.length} problems, nothing was created:\n${lines.map((line) => `  - ${line}`).join("\n")}`;
  return plainError(new Error(text));
}
