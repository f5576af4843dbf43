import type { CopiedImageFacts, CopyRequest, RunIdentity } from "./copy-request.ts";
import type { RunContext } from "./run-context.ts";

/**
 * The image was deregistered but its snapshots are there: registers it again, without helpers.
 *
 * @returns The facts with the new image id.
 */
export function restoreImage(
  _facts: CopiedImageFacts,
  _request: CopyRequest,
  _identity: RunIdentity,
  _context: RunContext,
): Promise<CopiedImageFacts> {
  throw new Error("written next");
}
