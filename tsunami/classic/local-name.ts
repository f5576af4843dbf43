/** The name a fetched file gets here, when nobody chose one. */

import { ClassicError } from "./classic-error.ts";

/**
 * What follows the last `/` of a remote name, so that a sender's list can never name a place
 * outside the folder it is fetched into.
 *
 * @throws ClassicError `protocol` when nothing sensible follows.
 */
export function localName(remoteName: string): string {
  const name = remoteName.slice(remoteName.lastIndexOf("/") + 1);
  if (name === "" || name === "." || name === ".." || name.includes("\0")) {
    throw new ClassicError("protocol", `${JSON.stringify(remoteName)} is no name for a file here`);
  }
  return name;
}
