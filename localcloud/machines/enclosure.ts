/** What a machine has that runs in namespaces of its own instead of simply on this computer. */

import type { Server } from "node:net";

export interface Enclosure {
  /** The words before a command that run it inside; absolute, since PATH is the machine's. */
  readonly enter: readonly string[];
  /** Listens inside, at the address and port of EC2's metadata service. */
  readonly metadataListener: Server;
  /** Takes away what only it has. Called when the machine's programs have ended. */
  close(): Promise<void>;
}
