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
  held: (volumes, blank) =>
    volumes.flatMap(({ path }, index) => {
      const stat = statSync(path, { throwIfNoEntry: false });
      return (blank ? !blank[index] : stat && mayHold(stat)) ? [index] : [];
    }),
  diskTasks: {
    write: ({ volumes, ring }, port) => writeVolumes(volumes, ring, port),
    scan: ({ volumes, blank }, port) => scanVolumes(volumes, blank, port),
    prove: ({ volumes, blank }, port) => proveVolumes(volumes, blank, port),
  },
};
