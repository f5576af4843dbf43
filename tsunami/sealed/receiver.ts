/** The role that receives, writes disks and reads them back. */

import { statSync } from "node:fs";
import { mayHold } from "./open-volume.ts";
import { proveVolumes } from "./prove-volumes.ts";
import { ReceivingEnd } from "./receiving-end.ts";
import { scanVolumes } from "./scan-volumes.ts";
import type { SessionRole } from "./session-end.ts";
import { writeVolumes } from "./write-volumes.ts";

export const receiver: SessionRole = {
  name: "receiver",
  End: ReceivingEnd,
  diskTask: "write",
  mayHold: (path) => {
    const stat = statSync(path, { throwIfNoEntry: false });
    return stat !== undefined && mayHold(stat);
  },
  diskTasks: {
    write: ({ volumes, ring }, port) => writeVolumes(volumes, ring, port),
    scan: ({ volumes, blank }, port) => scanVolumes(volumes, blank, port),
    prove: ({ volumes, blank }, port) => proveVolumes(volumes, blank, port),
  },
};
