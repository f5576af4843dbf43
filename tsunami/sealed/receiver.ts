/** The role that receives, writes disks and reads them back. */

import { proveVolumes } from "./prove-volumes.ts";
import { ReceivingEnd } from "./receiving-end.ts";
import type { SessionRole } from "./session-end.ts";
import { writeVolumes } from "./write-volumes.ts";

export const receiver: SessionRole = {
  name: "receiver",
  End: ReceivingEnd,
  diskTask: "write",
  diskTasks: {
    write: ({ volumes, ring }, port) => writeVolumes(volumes, ring, port),
    prove: ({ volumes, blank }, port) => proveVolumes(volumes, blank, port),
  },
};
