/** The `workerEntry` of sessions in tests: only a disk thread. */

import { receiver } from "../../tsunami/sealed/receiver.ts";
import { sender } from "../../tsunami/sealed/sender.ts";
import { runDiskWorker } from "../../tsunami/sealed/session.ts";

runDiskWorker({ ...sender.diskTasks, ...receiver.diskTasks });
