/**
 * The agent's one kind of error. Its code is the `code` of a `failed` line and names the exit code.
 */

import { ExitCode, type ExitName } from "./contract.ts";

/** A reason to give up that the controller understands. */
export class AgentError extends Error {
  readonly code: ExitName;

  constructor(code: ExitName, message: string) {
    super(message);
    this.code = code;
  }
}

/**
 * The code of any error. Those of the engine have the same names as ours, so that they pass as they
 * are; what nobody foresaw is `internal`.
 */
export function exitNameOf(error: unknown): ExitName {
  const code = error instanceof Error && "code" in error ? error.code : undefined;
  return typeof code === "string" && Object.hasOwn(ExitCode, code)
    ? (code as ExitName)
    : "internal";
}
