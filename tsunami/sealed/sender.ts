/** The role that reads disks and sends. */

import { readVolumes } from "./read-volumes.ts";
import { SendingEnd } from "./sending-end.ts";
import type { SessionRole } from "./session-end.ts";

export const sender: SessionRole = {
  name: "sender",
  End: SendingEnd,
  diskTask: "read",
  diskTasks: { read: ({ volumes, ring }, port) => readVolumes(volumes, ring, port) },
};
