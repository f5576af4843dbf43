/**
 * The program on a helper: `node agent.mjs JOB`, JOB being the job description itself. The one place
 * of the agent that knows the environment, the clock and the real console. In a worker thread the
 * same file is the engine's disk worker, since the bundle is one file.
 */

import { setTimeout as pause } from "node:timers/promises";
import { isMainThread } from "node:worker_threads";
import { runDiskWorker } from "../tsunami/sealed/disk-worker.ts";
import { runSession, type SessionRole } from "../tsunami/sealed/session.ts";
import { ExitCode } from "./contract.ts";
import { Metadata } from "./metadata.ts";
import { runHelper } from "./run.ts";
import { shutDown } from "./shutdown.ts";

/**
 * Runs the agent of one side; see `source.ts`, `destination.ts`.
 *
 * @param role - What the engine does on this side.
 * @param entry - The file that was started.
 */
export async function startAgent(role: SessionRole, entry: URL): Promise<void> {
  if (!isMainThread) return runDiskWorker(role.diskTasks);
  const { AWS_EC2_METADATA_SERVICE_ENDPOINT, HOST_DEV } = process.env;
  const metadata = new Metadata(AWS_EC2_METADATA_SERVICE_ENDPOINT ?? "http://169.254.169.254");
  const outcome = await runHelper(process.argv[2] ?? "", {
    readMetadata: (path) => metadata.read(path),
    nowMs: () => performance.now(),
    pause,
    write: (text) => void process.stdout.write(text),
    devices: HOST_DEV ?? "/dev",
    role,
    workerEntry: entry,
    runSession,
  });
  await shutDown();
  process.exit(ExitCode[outcome]);
}
