/** A receiver in a process of its own, so that it can be killed: `receiver-process.ts JOB`. */

import { receiver } from "../../tsunami/sealed/receiver.ts";
import { runSession } from "../../tsunami/sealed/session.ts";

const job = JSON.parse(process.argv[2] ?? "{}");
await runSession({
  ...job,
  role: receiver,
  psk: Buffer.from(job.psk, "hex"),
  workerEntry: new URL("./disk-entry.ts", import.meta.url),
  signal: new AbortController().signal,
  onProgress: () => {},
});
