/** The `workerEntry` of sessions in tests: only a disk thread. */

import { runDiskWorker } from "../../tsunami/sealed/session.ts";

runDiskWorker();
