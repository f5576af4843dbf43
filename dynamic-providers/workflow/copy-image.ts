import type { CopyRequest, CopyResult, RunIdentity } from "./copy-request.ts";
import type { RunContext } from "./run-context.ts";

/** Copies one image. @throws CopyError */
export function copyImage(
  _request: CopyRequest,
  _identity: RunIdentity,
  _context: RunContext,
): Promise<CopyResult> {
  throw new Error("written next");
}
