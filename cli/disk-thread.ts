/** What the sealed engine's disk threads run. */

import { receiver } from "../tsunami/sealed/receiver.ts";
import { sender } from "../tsunami/sealed/sender.ts";
import { runDiskWorker } from "../tsunami/sealed/session.ts";

runDiskWorker({ ...sender.diskTasks, ...receiver.diskTasks });
