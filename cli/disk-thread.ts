/** What the sealed engine's disk threads run. */

import { runDiskWorker } from "../tsunami/sealed/session.ts";

runDiskWorker();
