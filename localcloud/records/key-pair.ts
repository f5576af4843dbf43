/** What a localcloud remembers of a key pair. */

import type { Tagged } from "./tagged.ts";

export interface KeyPairRecord extends Tagged {
  readonly name: string;
  readonly fingerprint: string;
  readonly createdAt: Date;
}
