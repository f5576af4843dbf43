/** A process with one machine in it, to be killed by a test. Argument: the machine's folder. */

import { bootMachine } from "../../../localcloud/machines/machine.ts";
import { freeAddress, metadataOf } from "./booted.ts";

const address = freeAddress();
const machine = await bootMachine({
  instanceId: "i-0fedcba9876543210",
  directory: process.argv[2] ?? "",
  userData: Buffer.from(
    `#!/bin/sh
    trap '' TERM HUP
    sleep 100 &
    node -e 'setInterval(() => require("node:child_process").spawn("sleep", ["100"], { detached: true, stdio: "ignore" }).unref(), 10)' &
    sleep 100`,
  ),
  address,
  disks: [],
  node: "present",
  metadata: () => metadataOf(address),
  onShutdown: () => {},
});
process.send?.(machine.pid);
